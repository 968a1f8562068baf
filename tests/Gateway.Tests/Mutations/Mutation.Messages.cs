using Google.Protobuf;
using Google.Protobuf.Reflection;

namespace Fewshot.Mutations;

/// <content>Messages.</content>
internal static partial class Mutation
{
    private static readonly long[] Numbers = [0, 1, -1, 2, 7, 1000, int.MaxValue, int.MinValue, uint.MaxValue, long.MaxValue, long.MinValue, 1L << 40];
    private static readonly double[] Reals = [0, -0.0, 1, -1, 0.5, double.NaN, double.PositiveInfinity, double.NegativeInfinity, double.Epsilon, double.MaxValue, 1e-30, 1e30];

    private static readonly string[] Texts =
    [
        "", " ", "../../etc/passwd", "sha256:", "SHA256:" + new string('0', 64), "sha256:" + new string('0', 63) + "G", "sha256:" + new string('a', 64), new('x', 5000), "a\0b",
        "line\nbreak\u001b[31m", "\u202e\ud83d\ude00", "layer1.0", "%s%n", "job-" + new string('0', 20), "{\"a\":", "9999999999999999999",
    ];

    /// <summary>A message with some of its fields, at any depth, set to what nobody expects there.</summary>
    public static byte[] Of(IMessage good, Random random)
    {
        var message = good.Descriptor.Parser.ParseFrom(good.ToByteArray());
        for (var edits = random.Next(1, 4); edits > 0; edits--)
            Change(message, random);
        return message.ToByteArray();
    }

    private static void Change(IMessage message, Random random)
    {
        var fields = message.Descriptor.Fields.InDeclarationOrder();
        if (fields.Count == 0)
            return;
        var field = fields[random.Next(fields.Count)];
        if (field.IsMap || random.Next(8) == 0)
        {
            field.Accessor.Clear(message);
        }
        else if (field.IsRepeated)
        {
            var list = (System.Collections.IList)field.Accessor.GetValue(message);
            if (list.Count > 0 && random.Next(3) == 0)
                list.RemoveAt(random.Next(list.Count));
            else if (list.Count > 0 && field.FieldType == FieldType.Message && random.Next(2) == 0)
                Change((IMessage)list[random.Next(list.Count)]!, random);
            else
                list.Add(Value(field, random));
        }
        else if (field.FieldType == FieldType.Message && field.Accessor.GetValue(message) is IMessage inner && random.Next(4) > 0)
        {
            Change(inner, random);
        }
        else
        {
            field.Accessor.SetValue(message, Value(field, random));
        }
    }

    private static object Value(FieldDescriptor field, Random random)
    {
        var number = random.Next(4) == 0 ? random.NextInt64(-10, 2000) : Numbers[random.Next(Numbers.Length)];
        var real = random.Next(4) == 0 ? random.NextDouble() : Reals[random.Next(Reals.Length)];
        return field.FieldType switch
        {
            FieldType.Bool => random.Next(2) == 0,
            FieldType.String => Texts[random.Next(Texts.Length)],
            FieldType.Bytes => ByteString.CopyFrom(new byte[random.Next(3000)]),
            FieldType.Double => real,
            FieldType.Float => (float)real,
            FieldType.Enum => Enum.ToObject(field.EnumType.ClrType, unchecked((int)number)),
            FieldType.Int32 or FieldType.SInt32 or FieldType.SFixed32 => unchecked((int)number),
            FieldType.UInt32 or FieldType.Fixed32 => unchecked((uint)number),
            FieldType.UInt64 or FieldType.Fixed64 => unchecked((ulong)number),
            FieldType.Message => Empty(field.MessageType, random),
            _ => number,
        };
    }

    private static IMessage Empty(MessageDescriptor type, Random random)
    {
        var message = type.Parser.ParseFrom(ByteString.Empty);
        if (random.Next(2) == 0)
            Change(message, random);
        return message;
    }
}
