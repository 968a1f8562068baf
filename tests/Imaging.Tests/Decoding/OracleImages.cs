namespace Fewshot.Imaging.Tests;

/// <summary>The oracle's images, made once.</summary>
public sealed class OracleImages : TemporaryFolder
{
    private readonly Lock door = new();
    private bool made;

    /// <summary>The bytes of one of its files.</summary>
    public byte[] Read(string name)
    {
        Python.SkipIfMissing();
        lock (door)
        {
            if (!made)
                Python.Oracle("make_images.py", Path);
            made = true;
        }

        return File.ReadAllBytes(this[name]);
    }

    /// <summary>The pixels that a reader must find, in 3 or 1 channels.</summary>
    public Image Expected(string name, int channels)
    {
        var raw = Assert.Single(Directory.GetFiles(Path, $"{name}.{channels}.*.raw"));
        var size = System.IO.Path.GetFileName(raw).Split('.')[^2].Split('x');
        return new Image(int.Parse(size[0]), int.Parse(size[1]), channels, File.ReadAllBytes(raw));
    }
}
