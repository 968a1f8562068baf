using System.IO.Compression;
using System.Text;

namespace Fewshot.EndToEnd;

/// <summary>Every bad input has one clear line, its exit code, and leaves nothing half-written behind.</summary>
[Collection(ProgramTests.Name)]
public sealed class BadInputTests(Drawings drawings) : IDisposable
{
    private const int Usage = 2;
    private const int BadInput = 3;
    private const int Unavailable = 4;
    private const int NoSpace = 6;
    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Theory]
    [InlineData("--drop takes a whole number of at least 1, not '0'", "--drop", "0")]
    [InlineData("exclude each other", "--drop", "1", "--macs-reduction", "0.2")]
    [InlineData("--macs-reduction takes a fraction between 0 and 1", "--macs-reduction", "1.5")]
    [InlineData("say how much to drop")]
    [InlineData("--criterion takes one of practise, curl, l2", "--drop", "1", "--criterion", "magic")]
    [InlineData("--mixed-precision needs --device cuda", "--drop", "1", "--mixed-precision")]
    [InlineData("--mean takes one number, or three", "--drop", "1", "--mean", "0.1,0.2")]
    [InlineData("--lr takes a number from 1E-12 to 100, not '1e30'", "--drop", "1", "--lr", "1e30")]
    [InlineData("--gateway takes a URL", "--drop", "1", "--gateway", "nonsense")]
    [InlineData("unknown option '--dorp'", "--dorp", "1")]
    public void CommandLine_Wrong_IsAUsageError(string message, params string[] options)
    {
        var run = FewshotProcess.Run(["compress", "practise", "--model", Places.Network, "--images", drawings.Train, "--out", folder["out"], .. options]);
        Expect(run, Usage, message);
        Assert.False(Directory.Exists(folder["out"]));
    }

    [Fact]
    public void Command_Unknown_IsAUsageError() => Expect(FewshotProcess.Run("compres"), Usage, "unknown command 'compres'");

    [Fact]
    public void Model_Missing_IsNamed() => Expect(CompressModel("--model", folder["none.pth"]), BadInput, "--model: there is no file");

    [Fact]
    public void Model_WithoutArchitecture_AsksForIt()
    {
        File.WriteAllBytes(folder["bare.safetensors"], Safetensors("x", 4));
        Expect(CompressModel("--model", folder["bare.safetensors"]), BadInput, "--arch is missing");
    }

    [Fact]
    public void Architecture_Unknown_ListsTheNames() =>
        Expect(CompressModel("--model", Places.Network, "--arch", "resnet57"), BadInput, "resnet57", "cifar_resnet56");

    [Fact]
    public void Architecture_OfOtherWeights_NamesTheFirstKeys()
    {
        File.WriteAllBytes(folder["other.safetensors"], Safetensors("something.weight", 4));
        Expect(CompressModel("--model", folder["other.safetensors"], "--arch", "cifar_resnet20"), BadInput, "conv1.weight");
    }

    [Fact]
    public void Checkpoint_Truncated_IsRefused()
    {
        var whole = File.ReadAllBytes(Places.Network);
        File.WriteAllBytes(folder["cut.safetensors"], whole[..(whole.Length / 2)]);
        Expect(CompressModel("--model", folder["cut.safetensors"]), BadInput, "--model");
    }

    [Fact]
    public void Checkpoint_WithMaliciousPickle_IsRefusedByTheGlobalsName()
    {
        using (var zip = ZipFile.Open(folder["evil.pth"], ZipArchiveMode.Create))
        {
            using var pickle = zip.CreateEntry("evil/data.pkl", CompressionLevel.NoCompression).Open();
            pickle.Write("cposix\nsystem\n(S'touch "u8);
            pickle.Write(Encoding.ASCII.GetBytes(folder["harm"]));
            pickle.Write("'\ntR."u8);
        }

        Expect(CompressModel("--model", folder["evil.pth"], "--arch", "cifar_resnet20"), BadInput, "posix.system");
        Assert.False(File.Exists(folder["harm"]));
    }

    [Fact]
    public void Weights_NotANumber_AreNamed()
    {
        var bytes = File.ReadAllBytes(Places.Network);
        bytes.AsSpan(bytes.Length - 4).Fill(0xFF);
        File.WriteAllBytes(folder["nan.safetensors"], bytes);
        Expect(CompressModel("--model", folder["nan.safetensors"]), BadInput, "NaN");
    }

    [Fact]
    public void Blocks_Unknown_ListsTheDroppable() =>
        Expect(Compress(["--blocks", "layer9.9"]), BadInput, "layer9.9", "layer1.1, layer1.2, layer2.1");

    [Fact]
    public void Drop_TooMany_SaysHowManyThereAre() => Expect(Compress(["--drop", "7"]), BadInput, "--drop 7", "6 droppable blocks");

    [Fact]
    public void Reduction_OutOfReach_SaysTheLargest() => Expect(Compress(["--macs-reduction", "0.95"]), BadInput, "reduction");

    [Fact]
    public void Images_FolderMissing_IsNamed() => Expect(Compress(["--drop", "1"], images: folder["none"]), BadInput, "--images", folder["none"]);

    [Fact]
    public void Images_FewerThanAsked_SaysHowMany() => Expect(Compress(["--drop", "1", "--samples", "500"]), BadInput, "--samples", "500", "120");

    [Fact]
    public void Images_CorruptAndHuge_AreSkippedWithACount()
    {
        var images = Mixed();
        var run = FewshotProcess.Run(
            "trial", "--model", Places.Network, "--images", images, "--criterion", "first", "--max-image-pixels", "5000", "--state", folder["state"], "--json");
        Assert.True(run.ExitCode == 0, run.ToString());
        Assert.Contains("skipped 2 unusable images, 8 are used", run.Error, StringComparison.Ordinal);
    }

    [Fact]
    public void Images_AllCorrupt_IsAnError()
    {
        Directory.CreateDirectory(folder["bad"]);
        File.WriteAllText(Path.Combine(folder["bad"], "a.png"), "no image");
        Expect(Compress(["--drop", "1"], images: folder["bad"]), BadInput, "--images", "a.png");
    }

    [Fact]
    public void Evaluation_WithoutLabels_SaysHowToLabel()
    {
        Directory.CreateDirectory(folder["flat"]);
        File.Copy(Directory.GetFiles(drawings.Test, "*.png", SearchOption.AllDirectories)[0], Path.Combine(folder["flat"], "a.png"));
        Expect(Compress(["--drop", "1", "--eval", folder["flat"]]), BadInput, "--eval", "labels");
    }

    [Fact]
    public void LatencyProfile_Missing_SaysHowToMakeOne() =>
        Expect(Compress(["--drop", "1", "--latency-profile", folder["none.json"]]), BadInput, "--latency-profile", "fewshot profile --out");

    [Fact]
    public void LatencyProfile_OfAnythingElse_IsRefused()
    {
        File.WriteAllText(folder["p.json"], "{\"a\": 1}");
        Expect(Compress(["--drop", "1", "--latency-profile", folder["p.json"]]), BadInput, "profile");
    }

    [Fact]
    public void Gateway_Unreachable_IsNamed() =>
        Expect(Compress(["--drop", "1", "--gateway", "http://127.0.0.1:9"]), Unavailable, "http://127.0.0.1:9", "fewshot serve");

    [Fact]
    public void LearningRate_FarTooLarge_IsACleanFailure()
    {
        var run = Compress(["--drop", "1", "--criterion", "first", "--finetune-iterations", "60", "--lr", "100", "--weight-decay", "1", "--tau", "macs"]);
        Expect(run, 7, "learning rate");
    }

    [SkippableFact]
    public void Disk_Full_LeavesNoResultBehind()
    {
        using var disk = SmallDisk.Mount(folder["disk"], kilobytes: 512);
        Skip.If(disk is null, "a small file system can be mounted by root only");
        var run = FewshotProcess.Run(CompressTests.Practise(drawings, folder["state"], Path.Combine(disk.Path, "out"), "--tau", "macs"));
        Expect(run, NoSpace, "space");
        Assert.Empty(Directory.GetFileSystemEntries(Path.Combine(disk.Path, "out")));
    }

    [SkippableFact]
    public void Disk_FullUnderTheState_IsACleanFailure()
    {
        using var disk = SmallDisk.Mount(folder["disk"], kilobytes: 512);
        Skip.If(disk is null, "a small file system can be mounted by root only");
        var run = FewshotProcess.Run(CompressTests.Practise(drawings, Path.Combine(disk.Path, "state"), folder["out"], "--tau", "macs"));
        Expect(run, NoSpace, "space");
        Assert.Empty(Directory.GetFileSystemEntries(folder["out"]));
    }

    [Fact]
    public void Output_NotAFolder_IsRefusedBeforeAnyWork()
    {
        File.WriteAllText(folder["file"], "");
        Expect(FewshotProcess.Run([.. Arguments(drawings.Train, ["--drop", "1"]), "--out", Path.Combine(folder["file"], "out")]), BadInput, "--out");
    }

    [Fact]
    public void Error_WithJson_IsJson()
    {
        var run = FewshotProcess.Run("convert", "--model", folder["none"], "--json");
        Assert.Equal(BadInput, run.ExitCode);
        using var error = System.Text.Json.JsonDocument.Parse(run.Error);
        Assert.Equal(BadInput, error.RootElement.GetProperty("exit_code").GetInt32());
        Assert.Empty(run.Output);
    }

    private static void Expect(Finished run, int exitCode, params string[] messages)
    {
        Assert.True(run.ExitCode == exitCode, run.ToString());
        var line = run.Error.Split('\n').LastOrDefault(text => text.StartsWith("fewshot: ", StringComparison.Ordinal)) ?? "";
        Assert.All(messages, message => Assert.Contains(message, line, StringComparison.OrdinalIgnoreCase));
        Assert.DoesNotContain("   at ", run.Error, StringComparison.Ordinal);
    }

    private Finished CompressModel(params string[] model) => FewshotProcess.Run([
        "compress", "practise", .. model, "--images", drawings.Train, "--drop", "1", "--state", folder["state"], "--out", folder["out"]]);

    private Finished Compress(string[] options, string? images = null)
    {
        var run = FewshotProcess.Run([.. Arguments(images ?? drawings.Train, options), "--out", folder["out"]]);
        Assert.Empty(Directory.GetFileSystemEntries(folder["out"]));
        return run;
    }

    private string[] Arguments(string images, string[] options) =>
    [
        "compress", "practise", "--model", Places.Network, "--images", images, "--trial-iterations", "2", "--batch-size", "16",
        "--latency-runs", "2", "--latency-batch", "4", "--state", folder["state"], .. options,
    ];

    /// <summary>Eight good images, one that is no image and one that is too large.</summary>
    private string Mixed()
    {
        var images = Directory.CreateDirectory(folder["mixed"]).FullName;
        foreach (var (file, i) in Directory.GetFiles(drawings.Train, "*.png", SearchOption.AllDirectories).Take(8).Select((file, i) => (file, i)))
            File.Copy(file, Path.Combine(images, $"{i}.png"));
        File.WriteAllText(Path.Combine(images, "broken.png"), "no image");
        File.WriteAllBytes(Path.Combine(images, "huge.png"), Imaging.PngEncoder.Encode(new Imaging.Image(100, 100, 3, new byte[30_000])));
        return images;
    }

    /// <summary>A safetensors file with one float32 vector.</summary>
    private static byte[] Safetensors(string name, int count)
    {
        var header = Encoding.UTF8.GetBytes($"{{\"{name}\":{{\"dtype\":\"F32\",\"shape\":[{count}],\"data_offsets\":[0,{4 * count}]}}}}");
        return [.. BitConverter.GetBytes((ulong)header.Length), .. header, .. new byte[4 * count]];
    }
}
