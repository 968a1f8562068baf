using System.Buffers.Binary;
using System.Numerics;
using System.Text;

namespace Fewshot.Models.Checkpoints;

/// <summary>
/// Reads one pickle with a closed set of opcodes (those that PyTorch's writers emit at protocols 2 to 4). Nothing is imported or called: the few
/// known globals become plain values, every other one is refused by name. No recursion, and every count is bounded.
/// </summary>
internal sealed class PickleReader(ReadOnlyMemory<byte> data)
{
    private static readonly object Mark = new();
    private static readonly object[] Nothing = [];
    private static readonly UTF8Encoding StrictUtf8 = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);
    private readonly List<object?> stack = [];
    private readonly Dictionary<long, object?> memo = [];
    private int position, marks, operations;

    /// <summary>Bytes read so far: where the next pickle of a run begins.</summary>
    public int Position => position;

    /// <summary>Every storage the pickles named so far, with its element type: a legacy file's storages say only their counts.</summary>
    public Dictionary<string, string> StorageDtypes { get; } = new(StringComparer.Ordinal);

    /// <summary>The value: null, bool, long, <see cref="BigInteger"/>, double, string, byte[], object?[] (tuple), List, <see cref="PickleDict"/>, or one of ours.</summary>
    /// <exception cref="CheckpointException">Truncated, an unknown opcode, a refused global, a limit.</exception>
    public object? Read(int start = 0)
    {
        position = start;
        stack.Clear();
        memo.Clear();
        marks = 0;
        while (true)
        {
            if (++operations > PickleLimits.Operations)
                throw new CheckpointException($"The pickle has more than {PickleLimits.Operations} operations.");
            var opcode = Byte();
            if (opcode == '.')
                return stack.Count == 1 ? Pop() : throw Malformed("ends with more or less than one value");
            Execute(opcode);
        }
    }

    private void Execute(byte opcode)
    {
        switch (opcode)
        {
            case 0x80: // PROTO
                if (Byte() is var protocol and (< 2 or > 5))
                    throw new CheckpointException($"Pickle protocol {protocol} is not supported.");
                break;
            case 0x95: Take(8); break; // FRAME
            case (byte)'N': stack.Add(null); break;
            case 0x88: stack.Add(true); break;
            case 0x89: stack.Add(false); break;
            case (byte)'K': stack.Add((long)Byte()); break;
            case (byte)'M': stack.Add((long)BinaryPrimitives.ReadUInt16LittleEndian(Take(2))); break;
            case (byte)'J': stack.Add((long)BinaryPrimitives.ReadInt32LittleEndian(Take(4))); break;
            case 0x8a: Long(); break; // LONG1
            case (byte)'G': stack.Add(BinaryPrimitives.ReadDoubleBigEndian(Take(8))); break;
            case (byte)'X': stack.Add(Text(Take(Length4()))); break;
            case 0x8c: stack.Add(Text(Take(Byte()))); break; // SHORT_BINUNICODE
            case (byte)'U': stack.Add(Text(Take(Byte()))); break; // SHORT_BINSTRING
            case (byte)'T': stack.Add(Text(Take(Length4()))); break; // BINSTRING
            case (byte)'C': stack.Add(Take(Byte()).ToArray()); break; // SHORT_BINBYTES
            case (byte)'B': stack.Add(Take(Length4()).ToArray()); break; // BINBYTES
            case (byte)'}': stack.Add(new PickleDict()); break;
            case (byte)']': stack.Add(new List<object?>()); break;
            case (byte)')': stack.Add(Nothing); break;
            case (byte)'(': PushMark(); break;
            case (byte)'t': stack.Add(PopToMark()); break;
            case 0x85: stack.Add(PopMany(1)); break;
            case 0x86: stack.Add(PopMany(2)); break;
            case 0x87: stack.Add(PopMany(3)); break;
            case (byte)'a': Append(PopMany(1)); break;
            case (byte)'e': Append(PopToMark()); break;
            case (byte)'s': SetItems(PopMany(2)); break;
            case (byte)'u': SetItems(PopToMark()); break;
            case (byte)'q': Memoize(Byte()); break;
            case (byte)'r': Memoize(BinaryPrimitives.ReadUInt32LittleEndian(Take(4))); break;
            case 0x94: Memoize(memo.Count); break;
            case (byte)'h': stack.Add(Recall(Byte())); break;
            case (byte)'j': stack.Add(Recall(BinaryPrimitives.ReadUInt32LittleEndian(Take(4)))); break;
            case (byte)'c': stack.Add(PickleGlobal.Find(Line(), Line())); break;
            case 0x93: StackGlobal(); break;
            case (byte)'Q': PersistentId(); break; // BINPERSID
            case (byte)'R': Reduce(); break;
            case (byte)'b': Build(); break;
            default:
                throw new CheckpointException($"The pickle uses opcode 0x{opcode:x2} at byte {position - 1}, which a checkpoint of tensors does not need: refused.");
        }
    }

    private void StackGlobal()
    {
        var names = PopMany(2);
        stack.Add(names is [string module, string name] ? PickleGlobal.Find(module, name) : throw Malformed("has a global without a name"));
    }

    private void PersistentId()
    {
        var storage = PickleCalls.Storage(Pop());
        if (!StorageDtypes.TryAdd(storage.Key, storage.Dtype) && StorageDtypes[storage.Key] != storage.Dtype)
            throw new CheckpointException($"Storage {Dtypes.Printed(storage.Key)} is used with two element types.");
        stack.Add(storage);
    }

    private void Reduce()
    {
        var call = PopMany(2);
        stack.Add(call is [PickleGlobal function, object?[] arguments] ? PickleCalls.Call(function, arguments) : throw Malformed("calls what is no function"));
    }

    private void Build()
    {
        // An OrderedDict's attributes (_metadata of a state dict) say nothing we need; no other object takes a state.
        Pop();
        if (Peek() is not PickleDict)
            throw Malformed("sets the state of an object that has none");
    }

    private void Long()
    {
        var value = new BigInteger(Take(Byte()));
        stack.Add(value >= long.MinValue && value <= long.MaxValue ? (object)(long)value : value);
    }

    private void PushMark()
    {
        if (++marks > PickleLimits.Depth)
            throw new CheckpointException($"The pickle is nested more than {PickleLimits.Depth} deep.");
        stack.Add(Mark);
    }

    private void Append(object?[] values)
    {
        if (Peek() is not List<object?> list)
            throw Malformed("appends to what is no list");
        list.AddRange(values);
    }

    private void SetItems(object?[] pairs)
    {
        if (Peek() is not PickleDict dict || pairs.Length % 2 != 0)
            throw Malformed("sets items of what is no dictionary");
        for (var i = 0; i < pairs.Length; i += 2)
            dict.Set(pairs[i], pairs[i + 1]);
    }

    private void Memoize(long key)
    {
        if (memo.Count >= PickleLimits.Memo)
            throw new CheckpointException($"The pickle memorises more than {PickleLimits.Memo} values.");
        memo[key] = Peek();
    }

    private object? Recall(long key) => memo.TryGetValue(key, out var value) ? value : throw Malformed($"recalls value {key}, which it never memorised");

    private object? Peek() => stack.Count > 0 && !ReferenceEquals(stack[^1], Mark) ? stack[^1] : throw Malformed("takes a value from an empty stack");

    private object? Pop()
    {
        var value = Peek();
        stack.RemoveAt(stack.Count - 1);
        return value;
    }

    private object?[] PopMany(int count)
    {
        var values = new object?[count];
        while (count > 0)
            values[--count] = Pop();
        return values;
    }

    private object?[] PopToMark()
    {
        var at = stack.FindLastIndex(value => ReferenceEquals(value, Mark));
        if (at < 0)
            throw Malformed("closes a group it never opened");
        object?[] values = [.. stack[(at + 1)..]];
        stack.RemoveRange(at, stack.Count - at);
        marks--;
        return values;
    }

    private byte Byte() => Take(1)[0];

    private int Length4() => BinaryPrimitives.ReadInt32LittleEndian(Take(4)) is >= 0 and var length ? length : throw Malformed("has a string of negative length");

    private ReadOnlySpan<byte> Take(int count)
    {
        if (count > data.Length - position)
            throw new CheckpointException("The file is truncated: its pickle has no end.");
        position += count;
        return data.Span.Slice(position - count, count);
    }

    private string Line()
    {
        var length = data.Span[position..].IndexOf((byte)'\n');
        if (length < 0)
            throw new CheckpointException("The file is truncated: its pickle has no end.");
        var line = Text(Take(length));
        position++;
        return line;
    }

    private string Text(ReadOnlySpan<byte> bytes)
    {
        try
        {
            return StrictUtf8.GetString(bytes);
        }
        catch (DecoderFallbackException e)
        {
            throw new CheckpointException($"The pickle has text at byte {position} that is not UTF-8.", e);
        }
    }

    private CheckpointException Malformed(string what) => new($"The pickle is malformed at byte {position}: it {what}.");
}
