using System.IO.Compression;
using System.Text;

namespace Fewshot.Models.Tests;

/// <summary>Pickles assembled by hand: what a writer of good will never makes.</summary>
public sealed class MaliciousPickleTests : IDisposable
{
    private readonly string folder = Directory.CreateTempSubdirectory("fewshot-pickles-").FullName;

    public static TheoryData<string, string, string> Hostile => new()
    {
        // what it is, the pickle with escapes, what the message must say
        { "os.system", "\u0080\u0002cos\nsystem\n\u008c\u0004true\u0085R.", "'os.system'" },
        { "posix.system", "\u0080\u0002cposix\nsystem\n\u008c\u0002id\u0085R.", "'posix.system'" },
        { "eval", "\u0080\u0002cbuiltins\neval\n\u008c\u00011\u0085R.", "'builtins.eval'" },
        { "getattr", "\u0080\u0002c__builtin__\ngetattr\n.", "'__builtin__.getattr'" },
        { "dotted", "\u0080\u0002ctorch\nserialization.os.system\n.", "'torch.serialization.os.system'" },
        { "stack global", "\u0080\u0004\u008c\u0002os\u008c\u0006system\u0093.", "'os.system'" },
        { "codecs", "\u0080\u0002c_codecs\nencode\n.", "'_codecs.encode'" },
        { "numpy", "\u0080\u0002cnumpy.core.multiarray\nscalar\n.", "'numpy.core.multiarray.scalar'" },
        { "torch function", "\u0080\u0002ctorch\nload\n.", "'torch.load'" },
        { "control characters", "\u0080\u0002cos\nsys\u001b[31mtem\n.", "sys?[31mtem" },
        { "INST", "\u0080\u0002(ios\nsystem\n.", "opcode 0x69" },
        { "NEWOBJ", "\u0080\u0002ccollections\nOrderedDict\n)\u0081.", "opcode 0x81" },
        { "EXT1", "\u0080\u0002\u0082\u0001.", "opcode 0x82" },
        { "text integer", "\u0080\u0002I1\n.", "opcode 0x49" },
        { "protocol 0", "\u0080\u0000}.", "protocol 0" },
        { "call of a dictionary", "\u0080\u0002})R.", "calls what is no function" },
        { "call of a dtype", "\u0080\u0002ctorch\nfloat32\n)R.", "torch.float32 with arguments" },
        { "state on a list", "\u0080\u0002]}b.", "state" },
        { "recall", "\u0080\u0002h\u0007.", "never memorised" },
        { "empty stack", "\u0080\u0002R.", "empty stack" },
        { "no mark", "\u0080\u0002t.", "never opened" },
        { "mark as value", "\u0080\u0002(.", "empty stack" },
        { "two values", "\u0080\u0002}}.", "more or less than one" },
        { "no end", "\u0080\u0002}", "truncated" },
        { "long string", "\u0080\u0002X\u00ff\u00ff\u00ff\u007f", "truncated" },
        { "negative string", "\u0080\u0002X\u00ff\u00ff\u00ff\u00ff", "negative length" },
        { "bad text", "\u0080\u0002\u008c\u0002\u00c3\u0028.", "UTF-8" },
        { "tuple key", "\u0080\u0002})Ns.", "dictionary key" },
        { "depth", "\u0080\u0002" + new string('(', 2000) + ".", "nested" },
        { "foreign id", "\u0080\u0002\u008c\u0004" + "file\u008c\u000b/etc/passwd\u0086Q.", "no storage" },
        { "not a dictionary", "\u0080\u0002K\u0001.", "no state dict" },
        { "no tensors", "\u0080\u0002}\u008c\u0001aK\u0001s.", "no named tensors" },
        { "storage missing", State(key: "9"), "no storage '9'" },
        { "storage path", State(key: "../data.pkl"), "no storage" },
        { "beyond storage", State(shape: "K\u0005\u0085", strides: "K\u0001\u0085"), "outside its storage" },
        { "offset beyond", State(offset: "K\u0004"), "outside its storage" },
        { "negative offset", State(offset: "J\u00ff\u00ff\u00ff\u00ff"), "negative offset" },
        { "negative stride", State(strides: "J\u00ff\u00ff\u00ff\u00ff\u0085"), "shape or stride" },
        { "negative extent", State(shape: "J\u00ff\u00ff\u00ff\u00ff\u0085"), "shape or stride" },
        { "rank mismatch", State(shape: "K\u0001K\u0001\u0086"), "do not match" },
        { "count lies", State(count: "M\u00ff\u00ff"), "outside its storage" },
        { "expansion", State(shape: "J\u00ff\u00ff\u00ff\u007f\u0085", strides: "K\u0000\u0085"), "8 times the file" },
        { "overflow", State(shape: "\u008a\u0008\u00ff\u00ff\u00ff\u00ff\u00ff\u00ff\u00ff\u007f\u008a\u0008\u00ff\u00ff\u00ff\u00ff\u00ff\u00ff\u00ff\u007f\u0086", strides: "K\u0001K\u0001\u0086"), "63 bits" },
        { "huge extent", State(shape: "\u008a\u0009\u00ff\u00ff\u00ff\u00ff\u00ff\u00ff\u00ff\u00ff\u007f\u0085"), "shape or stride" },
    };

    [Theory]
    [MemberData(nameof(Hostile))]
    public void ReadTensors_HostilePickle_IsRefusedInWords(string what, string pickle, string message)
    {
        Assert.NotEmpty(what);
        var error = Assert.Throws<CheckpointException>(() => Checkpoint.ReadTensors(Zip(pickle)));
        Assert.Contains(message, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void ReadTensors_SamePickleUnharmed_IsRead()
    {
        var tensor = Checkpoint.ReadTensors(Zip(State()))["w"];
        Assert.Equal([1f, 2f, 3f], tensor.data<float>().ToArray());
    }

    [Fact]
    public void ReadTensors_CompressedEntries_AreRefused()
    {
        var error = Assert.Throws<CheckpointException>(() => Checkpoint.ReadTensors(Zip(State(), CompressionLevel.Optimal)));
        Assert.Contains("compressed", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("", "Neither")]
    [InlineData("hello, I am no checkpoint at all", "Neither")]
    [InlineData("PK\u0003\u0004", "truncated")]
    [InlineData("\u0080\u0002K\u0001.and so on", "magic number")]
    [InlineData("\u0008\u0000\u0000\u0000\u0000\u0000\u0000\u0000{\"a\": 1}", "'a'")]
    [InlineData("\u00ff\u00ff\u00ff\u00ff\u00ff\u00ff\u00ff\u007f{", "Header length")]
    public void ReadTensors_NoCheckpoint_SaysWhy(string content, string message)
    {
        var path = Path.Combine(folder, "file");
        File.WriteAllBytes(path, Encoding.Latin1.GetBytes(content));
        var error = Assert.Throws<CheckpointException>(() => Checkpoint.ReadTensors(path));
        Assert.Contains(message, error.Message, StringComparison.Ordinal);
    }

    public void Dispose() => Directory.Delete(folder, recursive: true);

    /// <summary>{"w": _rebuild_tensor_v2(storage 0 of 3 floats, offset 0, shape (3,), strides (1,), False, OrderedDict())} with one part changed.</summary>
    private static string State(string key = "0", string count = "K\u0003", string offset = "K\u0000", string shape = "K\u0003\u0085", string strides = "K\u0001\u0085") =>
        "\u0080\u0002}\u008c\u0001wctorch._utils\n_rebuild_tensor_v2\n((\u008c\u0007storagectorch\nFloatStorage\n\u008c" + (char)key.Length + key + "\u008c\u0003cpu"
        + count + "tQ" + offset + shape + strides + "\u0089ccollections\nOrderedDict\n)RtRs.";

    private string Zip(string pickle, CompressionLevel level = CompressionLevel.NoCompression)
    {
        var path = Path.Combine(folder, Guid.NewGuid().ToString("n"));
        using var file = File.Create(path);
        using var zip = new ZipArchive(file, ZipArchiveMode.Create);
        Add(zip, "archive/data.pkl", Encoding.Latin1.GetBytes(pickle), level);
        Add(zip, "archive/data/0", [0, 0, 128, 63, 0, 0, 0, 64, 0, 0, 64, 64], level);
        Add(zip, "archive/version", "3\n"u8.ToArray(), level);
        return path;
    }

    private static void Add(ZipArchive zip, string name, byte[] content, CompressionLevel level)
    {
        using var entry = zip.CreateEntry(name, level).Open();
        entry.Write(content);
    }
}
