using System.Buffers.Binary;
using System.Text;
using Fewshot.Artifacts.Safetensors;

namespace Fewshot.Artifacts.Tests;

public class SafetensorsHeaderTests
{
    private static readonly Dictionary<string, string> Metadata = new() { ["format"] = "pt", ["a \"name\" ü 😀"] = "{\"x\":[1]}\n" };

    [Fact]
    public void Write_ThenRead_RoundTrips()
    {
        using var file = new MemoryStream();
        var written = SafetensorsHeader.Write(file, [("b", "F32", [2, 3]), ("a.ü", "I64", []), ("empty", "BF16", [0, 5])], Metadata);
        Assert.Equal(0, file.Length % 8);
        file.Write(new byte[written.BufferLength]);
        file.Position = 0;
        var read = SafetensorsHeader.Read(file);
        Assert.Equal(["b", "a.ü", "empty"], read.Entries.Select(e => e.Name));
        Assert.Equal([(0L, 24L), (24L, 32L), (32L, 32L)], read.Entries.Select(e => (e.Begin, e.End)));
        Assert.Equal([2L, 3L], read.Entries[0].Shape);
        Assert.Equal("I64", read.Entries[1].Dtype);
        Assert.Equal(Metadata, read.Metadata);
        Assert.Equal(file.Position, read.BufferOffset);
        Assert.Equal(file.Length, read.FileLength);
    }

    [Fact]
    public void Create_MetadataInAnotherOrder_GivesTheSameBytes() => Assert.Equal(
        SafetensorsHeader.Create([("a", "U8", [3])], Metadata).ToBytes(),
        SafetensorsHeader.Create([("a", "U8", [3])], Metadata.Reverse().ToDictionary()).ToBytes());

    [Fact]
    public void Create_BadTensor_Throws()
    {
        Assert.Throws<ArgumentException>(() => SafetensorsHeader.Create([("a", "U8", []), ("a", "U8", [])]));
        Assert.Throws<ArgumentException>(() => SafetensorsHeader.Create([("__metadata__", "U8", [])]));
        Assert.Throws<ArgumentException>(() => SafetensorsHeader.Create([("a", "u8", [])]));
        Assert.Throws<ArgumentException>(() => SafetensorsHeader.Create([("a", "U8", [-1])]));
        Assert.Throws<OverflowException>(() => SafetensorsHeader.Create([("a", "U8", [long.MaxValue, 2])]));
    }

    [Theory]
    [InlineData("""{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}""", 8, null)]
    [InlineData("""{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}   """, 8, null)]
    [InlineData("""{}""", 0, null)]
    [InlineData(""" {}""", 0, "'{'")]
    [InlineData("""[]""", 0, "'{'")]
    [InlineData("""{}{}""", 0, "JSON")]
    [InlineData("""{} x""", 0, "JSON")]
    [InlineData("""{"a":1,}""", 0, "'a'")]
    [InlineData("""{/* */}""", 0, "JSON")]
    [InlineData("""{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}""", 8, "JSON")]
    [InlineData("""{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}""", 8, "'a' appears twice")]
    [InlineData("""{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"\u0061":{"dtype":"F32","shape":[2],"data_offsets":[8,16]}}""", 16, "'a' appears twice")]
    [InlineData("""{"a":{"dtype":"F32","dtype":"F32","shape":[2],"data_offsets":[0,8]}}""", 8, "'dtype'")]
    [InlineData("""{"a":{"dtype":"F33","shape":[2],"data_offsets":[0,8]}}""", 8, "'F33'")]
    [InlineData("""{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8],"more":1}}""", 8, "'more'")]
    [InlineData("""{"a":{"dtype":"F32","data_offsets":[0,8]}}""", 8, "needs dtype, shape")]
    [InlineData("""{"a":{"dtype":"F32","shape":[2],"data_offsets":[0]}}""", 8, "two numbers")]
    [InlineData("""{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8,8]}}""", 8, "'data_offsets'")]
    [InlineData("""{"a":{"dtype":"F32","shape":[-2],"data_offsets":[0,8]}}""", 8, "'shape'")]
    [InlineData("""{"a":{"dtype":"F32","shape":[2.0],"data_offsets":[0,8]}}""", 8, "'shape'")]
    [InlineData("""{"a":{"dtype":"F32","shape":[2e0],"data_offsets":[0,8]}}""", 8, "'shape'")]
    [InlineData("""{"a":{"dtype":"F32","shape":["2"],"data_offsets":[0,8]}}""", 8, "'shape'")]
    [InlineData("""{"a":{"dtype":"F32","shape":[99999999999999999999],"data_offsets":[0,8]}}""", 8, "'shape'")]
    [InlineData("""{"a":{"dtype":"F32","shape":[4611686018427387904,4],"data_offsets":[0,0]}}""", 0, "more than 2^63")]
    [InlineData("""{"a":{"dtype":"F32","shape":[9223372036854775807,9223372036854775807,9223372036854775807],"data_offsets":[0,0]}}""", 0, "more than 2^63")]
    [InlineData("""{"a":{"dtype":"F32","shape":[3],"data_offsets":[0,8]}}""", 8, "takes 12 bytes")]
    [InlineData("""{"a":{"dtype":"F32","shape":[2],"data_offsets":[8,0]}}""", 8, "before it begins")]
    [InlineData("""{"a":{"dtype":"U8","shape":[2],"data_offsets":[1,3]}}""", 3, "a gap")]
    [InlineData("""{"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},"b":{"dtype":"U8","shape":[2],"data_offsets":[1,3]}}""", 3, "an overlap")]
    [InlineData("""{"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},"b":{"dtype":"U8","shape":[2],"data_offsets":[0,2]}}""", 2, "an overlap")]
    [InlineData("""{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}""", 7, "truncated")]
    [InlineData("""{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}""", 9, "after the last tensor")]
    [InlineData("""{"__metadata__":{"a":1}}""", 0, "__metadata__")]
    [InlineData("""{"__metadata__":{"a":"1","a":"2"}}""", 0, "appears twice")]
    [InlineData("""{"__metadata__":[]}""", 0, "__metadata__")]
    [InlineData("""{"\ud800":{"dtype":"U8","shape":[],"data_offsets":[0,1]}}""", 1, "Unicode")]
    [InlineData("""{"a":{"dtype":"U8","shape":[[[[[[[[[]]]]]]]]],"data_offsets":[0,1]}}""", 1, "'shape'")]
    public void Parse_Header_IsTakenOrRefusedByName(string json, int bufferLength, string? refused)
    {
        var file = FileOf(Encoding.UTF8.GetBytes(json), bufferLength);
        if (refused is null)
            Assert.Equal(file.Length, SafetensorsHeader.Parse(file).FileLength);
        else
            Assert.Contains(refused, Assert.Throws<SafetensorsFormatException>(() => SafetensorsHeader.Parse(file)).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(new byte[0])]
    [InlineData(new byte[] { 1, 0, 0, 0, 0, 0, 0 })]
    [InlineData(new byte[] { 0, 0, 0, 0, 0, 0, 0, 0 })]
    [InlineData(new byte[] { 255, 255, 255, 255, 255, 255, 255, 255, 123, 125 })]
    [InlineData(new byte[] { 3, 0, 0, 0, 0, 0, 0, 0, 123, 125 })]
    [InlineData(new byte[] { 2, 0, 0, 0, 0, 0, 0, 0, 123, 0xff })]
    public void Parse_DamagedFrame_Throws(byte[] file)
    {
        Assert.Throws<SafetensorsFormatException>(() => SafetensorsHeader.Parse(file));
        Assert.Throws<SafetensorsFormatException>(() => SafetensorsHeader.Read(new MemoryStream(file)));
    }

    [Fact]
    public void Parse_OverTheLimits_Throws()
    {
        var header = SafetensorsHeader.Create(Enumerable.Range(0, 11).Select(i => ($"t{i}", "U8", new long[] { 0 }))).ToBytes();
        Assert.Equal(11, SafetensorsHeader.Parse(header).Entries.Count);
        Assert.Contains("10 tensors", Assert.Throws<SafetensorsFormatException>(() => SafetensorsHeader.Parse(header, new(MaxTensors: 10))).Message, StringComparison.Ordinal);
        Assert.Contains("limit is 100", Assert.Throws<SafetensorsFormatException>(() => SafetensorsHeader.Parse(header, new(MaxHeaderBytes: 100))).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Parse_MutatedFiles_ThrowOneExceptionOrNone()
    {
        var random = new Random(20_210_923);
        var good = FileOf(SafetensorsHeader.Create([("weight", "F32", [4, 3]), ("bias", "I64", [2]), ("half", "BF16", [7])], Metadata).ToBytes()[8..], 78);
        var refused = 0;
        for (var round = 0; round < 10_000; round++)
        {
            var file = Mutate(good, random);
            try
            {
                var header = SafetensorsHeader.Parse(file);
                Assert.Equal(file.Length, header.FileLength);
                Assert.All(header.Entries, e => Assert.InRange(e.End, e.Begin, header.BufferLength));
            }
            catch (SafetensorsFormatException)
            {
                refused++;
            }
        }

        Assert.InRange(refused, 5000, 9999);
    }

    private static byte[] Mutate(byte[] good, Random random)
    {
        var file = good.ToList();
        for (var edits = random.Next(1, 4); edits > 0; edits--)
        {
            var at = random.Next(file.Count);
            switch (random.Next(6))
            {
                case 0:
                    file[at] ^= (byte)(1 << random.Next(8));
                    break;
                case 1:
                    file[at] = (byte)"{}[]\",:0129-.eE\\u \n"[random.Next(19)];
                    break;
                case 2:
                    file.RemoveRange(at, Math.Min(random.Next(1, 9), file.Count - at));
                    break;
                case 3:
                    file.InsertRange(at, good.Skip(random.Next(good.Length)).Take(random.Next(1, 40)));
                    break;
                case 4:
                    file[random.Next(Math.Min(8, file.Count))] = (byte)random.Next(256);
                    break;
                default:
                    // In the buffer, which a header's reader must not mind.
                    file[^1] = (byte)random.Next(256);
                    break;
            }

            if (file.Count == 0)
                break;
        }

        return [.. file];
    }

    private static byte[] FileOf(byte[] json, int bufferLength)
    {
        var file = new byte[8 + json.Length + bufferLength];
        BinaryPrimitives.WriteInt64LittleEndian(file, json.Length);
        json.CopyTo(file, 8);
        return file;
    }
}
