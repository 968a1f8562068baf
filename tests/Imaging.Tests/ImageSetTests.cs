namespace Fewshot.Imaging.Tests;

public sealed class ImageSetTests : IDisposable
{
    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Theory]
    [InlineData("../../escaped.png")]
    [InlineData("/etc/escaped.png")]
    [InlineData("..")]
    [InlineData(".hidden.png")]
    [InlineData("-option.png")]
    [InlineData("a\\b.png")]
    [InlineData("new\nline.png")]
    [InlineData("\u202egnp.exe")]
    [InlineData("")]
    public void ClassPath_NameThatIsNoFileName_IsRefused(string name)
    {
        var error = Assert.Throws<ImageSetException>(() => new ImageSetEntry(name, [], 1).ClassPath);
        Assert.DoesNotContain(error.Message, char.IsControl);
    }

    [Fact]
    public void ClassPath_PlainName_LiesInItsClass()
    {
        Assert.Equal("7/000012.png", new ImageSetEntry("000012.png", [], 7).ClassPath);
        Assert.Throws<ImageSetException>(() => new ImageSetEntry("000012.png", [], null).ClassPath);
        Assert.Throws<ImageSetException>(() => new ImageSetEntry(new string('a', 256), [], 7).ClassPath);
    }

    [Fact]
    public void FromFolder_ClassFolders_LabelsAlphabetically()
    {
        Images("dog/b.png", "dog/a.JPG.png", "cat/deep/er/x.PNG", "notes/readme.txt");
        var listing = ImageSet.FromFolder(folder.Path);
        Assert.Equal([("cat/deep/er/x.PNG", 0), ("dog/a.JPG.png", 1), ("dog/b.png", 1)], listing.Images.Select(i => (i.Name, i.Label!.Value)));
        Assert.Equal(["cat", "dog", "notes"], listing.ClassNames);
        Assert.Equal(3, listing.ClassCount);
    }

    [Fact]
    public void FromFolder_AllNumbers_LabelsByNumber()
    {
        Images("0007/b.png", "10/a.png", "9/x.png");
        var listing = ImageSet.FromFolder(folder.Path);
        Assert.Equal([7, 10, 9], listing.Images.Select(i => i.Label!.Value));
        Assert.Equal(11, listing.ClassCount);
        Images("10b/c.png");
        Assert.Equal([0, 1, 2, 3], ImageSet.FromFolder(folder.Path).Images.Select(i => i.Label!.Value));
    }

    [Fact]
    public void FromFolder_ImagesBesideFolders_HaveNoLabels()
    {
        Images("a/b.png", "c.png");
        var listing = ImageSet.FromFolder(folder.Path);
        Assert.All(listing.Images, i => Assert.Null(i.Label));
        Assert.Null(listing.ClassCount);
        Assert.Null(listing.Load().ClassCount);
    }

    [Fact]
    public void FromFolder_NothingThere_SaysSo()
    {
        folder.Write("text.txt", [1]);
        Assert.Contains(
            "holds no image", Assert.Throws<ImageSetException>(() => ImageSet.FromFolder(folder.Path)).Message, StringComparison.Ordinal);
        Assert.Contains(folder["gone"], Assert.Throws<ImageSetException>(() => ImageSet.FromFolder(folder["gone"])).Message, StringComparison.Ordinal);
        Assert.Contains(folder["gone"], Assert.Throws<ImageSetException>(() => ImageSet.From(folder["gone"])).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void FromList_TabsBlanksAndComments_AreRead()
    {
        Images("a b.png", "c.png", "d 7.png");
        folder.Write("list.txt", "# mine\na b.png\t3\n\nc.png 0\r\nd 7.png 12\n"u8.ToArray());
        var listing = ImageSet.From(folder["list.txt"]);
        Assert.Equal([("a b.png", 3), ("c.png", 0), ("d 7.png", 12)], listing.Images.Select(i => (i.Name, i.Label!.Value)));
        Assert.Equal(13, listing.ClassCount);
        Assert.Equal(3, listing.Load().Entries.Count);
        folder.Write("plain.txt", "a b.png\nd 7.png"u8.ToArray());
        Assert.Equal(["a b.png", "d 7.png"], ImageSet.From(folder["plain.txt"]).Images.Select(i => i.Name));
    }

    [Theory]
    [InlineData("a.png\t-1", "line 1")]
    [InlineData("a.png 1\nb.png", "line 2")]
    [InlineData("a.png\nb.png 1", "line 2")]
    [InlineData("a.png\tcat", "line 1")]
    [InlineData("\0\0", "not a list")]
    [InlineData("# nothing\n", "names no image")]
    public void FromList_WrongLine_IsNamed(string text, string said)
    {
        folder.Write("list.txt", System.Text.Encoding.UTF8.GetBytes(text));
        Assert.Contains(said, Assert.Throws<ImageSetException>(() => ImageSet.FromList(folder["list.txt"])).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Sample_SeedAndCount_FixTheImages()
    {
        Images(Enumerable.Range(0, 40).Select(i => $"{i:00}.png").ToArray());
        var listing = ImageSet.FromFolder(folder.Path);
        string[] Names(int n, ulong seed) => listing.Sample(n, seed).Load().Entries.Select(e => e.Name).ToArray();
        Assert.Equal(Names(10, 2021), Names(10, 2021));
        Assert.NotEqual(Names(10, 2021), Names(10, 2022));
        Assert.Equal(Names(10, 2021), Names(10, 2021).Order(StringComparer.Ordinal));
        Assert.Subset(Names(20, 2021).ToHashSet(), Names(10, 2021).ToHashSet());
        var error = Assert.Throws<ImageSetException>(() => listing.Sample(41, 2021));
        Assert.Contains("41 images are asked for", error.Message, StringComparison.Ordinal);
        Assert.Contains("holds 40", error.Message, StringComparison.Ordinal);
        Assert.Throws<ImageSetException>(() => listing.Sample(0, 2021));
    }

    [Fact]
    public void SamplePerClass_TakesKOfEach()
    {
        Images(Enumerable.Range(0, 12).Select(i => $"{(i % 3 == 0 ? "rare" : "common")}/{i:00}.png").ToArray());
        var listing = ImageSet.FromFolder(folder.Path);
        Assert.Equal([0, 0, 0, 1, 1, 1], listing.SamplePerClass(3, 1).Load().Entries.Select(e => e.Label!.Value));
        Assert.Contains("class rare", Assert.Throws<ImageSetException>(() => listing.SamplePerClass(5, 1)).Message, StringComparison.Ordinal);
        Assert.Throws<ImageSetException>(() => listing.SamplePerClass(0, 1));
        Images("loose.png");
        Assert.Contains("no classes", Assert.Throws<ImageSetException>(() => ImageSet.FromFolder(folder.Path).SamplePerClass(1, 1)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Load_DamagedHugeAndVanished_AreSkippedAndReplaced()
    {
        Images(Enumerable.Range(0, 20).Select(i => $"{i:00}.png").ToArray());
        folder.Write("03.png", [1, 2, 3]);
        folder.Write("04.png", Scenes.Png(100, 100, 1, 1));
        folder.Write("05.png", Scenes.Png(9, 9, 1, 1)[..^20]);
        var listing = ImageSet.FromFolder(folder.Path);
        File.Delete(folder["06.png"]);
        var all = listing.Load(maxPixels: 5000);
        Assert.Equal((16, 4), (all.Entries.Count, all.Skipped));
        Assert.Contains(all.SkipReasons, r => r.StartsWith("03.png", StringComparison.Ordinal));
        Assert.Contains(all.SkipReasons, r => r.Contains("100 x 100", StringComparison.Ordinal));
        Assert.Contains(all.SkipReasons, r => r.Contains("ends early", StringComparison.Ordinal));
        Assert.Contains(all.SkipReasons, r => r.Contains("gone", StringComparison.Ordinal));
        Assert.Equal(16, listing.Sample(16, 5).Load(maxPixels: 5000).Entries.Count);
        var most = listing.Sample(18, 5).Load(maxPixels: 5000);
        Assert.Equal((16, 4), (most.Entries.Count, most.Skipped));
    }

    [Fact]
    public void Load_NothingLeft_Throws()
    {
        folder.Write("a.png", [1]);
        var listing = ImageSet.FromFolder(folder.Path);
        Assert.Contains("1 were skipped", Assert.Throws<ImageSetException>(() => listing.Load()).Message, StringComparison.Ordinal);
        File.Delete(folder["a.png"]);
        Assert.Contains("gone", Assert.Throws<ImageSetException>(() => listing.Load()).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Load_Cancelled_Stops()
    {
        Images("a.png");
        Assert.Throws<OperationCanceledException>(() => ImageSet.FromFolder(folder.Path).Load(ct: new CancellationToken(canceled: true)));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void ImageSetFile_WriteThenRead_RoundTripsToEqualBytes(bool labelled)
    {
        Images("dög/ä \"1\".png", "cat/2.png", "cat/3.png");
        if (!labelled)
            Images("loose.png");
        var loaded = ImageSet.FromFolder(folder.Path).Load();
        var set = new ImageSet(loaded.Entries, loaded.ClassCount) { Prepared = labelled };
        using (var file = File.Create(folder["set.safetensors"]))
            ImageSetFile.Write(file, set);
        var read = ImageSetFile.Read(folder["set.safetensors"]);
        Assert.Equal((set.ClassCount, set.Prepared), (read.ClassCount, read.Prepared));
        Assert.Equal(set.Entries.Select(e => (e.Name, e.Label, Convert.ToHexString(e.Encoded))), read.Entries.Select(e => (e.Name, e.Label, Convert.ToHexString(e.Encoded))));
        using var again = new MemoryStream();
        ImageSetFile.Write(again, read);
        Assert.Equal(File.ReadAllBytes(folder["set.safetensors"]), again.ToArray());
    }

    [Theory]
    [InlineData("{}", "fewshot.images")]
    [InlineData("""{"__metadata__":{"fewshot.images":"nonsense"}}""", "Not an image set")]
    [InlineData("""{"__metadata__":{"fewshot.images":"null"}}""", "0 names")]
    [InlineData("""{"__metadata__":{"fewshot.images":"{\"names\":[],\"labels\":null,\"classes\":null}"}}""", "empty")]
    [InlineData("""{"__metadata__":{"fewshot.images":"{\"names\":[\"a\"],\"labels\":null,\"classes\":null}"}}""", "1 names")]
    [InlineData("""{"__metadata__":{"fewshot.images":"{\"names\":[\"a\"],\"labels\":[2],\"classes\":2}"},"000000":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}}""", "label 2")]
    [InlineData("""{"__metadata__":{"fewshot.images":"{\"names\":[\"a\"],\"labels\":[2],\"classes\":null}"},"000000":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}}""", "Damaged")]
    [InlineData("""{"__metadata__":{"fewshot.images":"{\"names\":[\"a\"],\"labels\":null,\"classes\":null}"},"x":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}}""", "000000")]
    [InlineData("""{""", "Not an image set")]
    public void ImageSetFile_NotASet_SaysWhy(string header, string said)
    {
        var json = System.Text.Encoding.UTF8.GetBytes(header);
        using var file = new MemoryStream([.. BitConverter.GetBytes((long)json.Length), .. json]);
        Assert.Contains(said, Assert.Throws<ImageSetException>(() => ImageSetFile.Read(file)).Message, StringComparison.Ordinal);
    }

    private void Images(params string[] names)
    {
        foreach (var (name, i) in names.Select((n, i) => (n, i)))
            folder.Write(name, Scenes.Png(9, 7, 3, (ulong)i));
    }
}
