namespace Fewshot.Imaging.Tests;

/// <summary>Real images beside the checkout, where there are any.</summary>
public static class SharedFolder
{
    public static string? Find(string path)
    {
        for (var at = new DirectoryInfo(AppContext.BaseDirectory); at is not null; at = at.Parent)
        {
            if (Path.Combine(at.FullName, "shared", path) is var found && Directory.Exists(found))
                return found;
        }

        return null;
    }
}
