namespace Fewshot.Imaging;

/// <summary>Reads and checks the images of a listing, several at once; the outcome does not depend on how many.</summary>
internal static class ImageSetLoader
{
    public static ImageSet Load(ImageSetListing listing, int maxPixels, CancellationToken ct, long maxBytes = ImageLimits.MaxSetBytes)
    {
        var chosen = new SortedDictionary<int, ImageSetEntry>();
        var skipped = new SkippedImages();
        foreach (var draw in listing.Draws)
        {
            var missing = draw.Wanted;
            // Whoever gives way is replaced from what comes next in the order of drawing, as many as are still missing at a time.
            for (var at = 0; missing > 0 && at < draw.Order.Count;)
            {
                var batch = draw.Order.Skip(at).Take(missing).ToArray();
                at += batch.Length;
                var outcomes = new (ImageSetEntry? Entry, string? Reason)[batch.Length];
                var free = maxBytes;
                // In order, before anything is read: which images the budget is spent on must not depend on which worker is first.
                for (var i = 0; i < batch.Length; i++)
                    outcomes[i].Reason = TooLarge(listing.Images[batch[i]], ref free);
                void ReadAnyOf(int i) =>
                    outcomes[i] = outcomes[i].Reason is null ? Read(listing.Images[batch[i]], maxPixels) : outcomes[i];
                Workers.For(batch.Length, ReadAnyOf, ct);
                for (var i = 0; i < batch.Length; i++)
                {
                    if (outcomes[i].Entry is { } entry)
                    {
                        chosen.Add(batch[i], entry);
                        maxBytes -= entry.Encoded.Length;
                        missing--;
                    }
                    else
                    {
                        skipped.Add(outcomes[i].Reason!);
                    }
                }
            }
        }

        if (chosen.Count == 0)
            throw skipped.NothingLeft(listing.Source);
        return new ImageSet([.. chosen.Values], listing.ClassCount, skipped.Count, skipped.Reasons);
    }

    private static string? TooLarge(ListedImage image, ref long free)
    {
        var length = new FileInfo(image.Path) is { Exists: true } file ? file.Length : 0;
        if (ImageLimits.Refusal(length, free) is { } refusal)
            return $"{image.Name}: {refusal}";
        free -= length;
        return null;
    }

    private static (ImageSetEntry? Entry, string? Reason) Read(ListedImage image, int maxPixels)
    {
        try
        {
            var encoded = File.ReadAllBytes(image.Path);
            ImageDecoder.Decode(encoded, channels: 3, maxPixels);
            return (new ImageSetEntry(image.Name, encoded, image.Label), null);
        }
        catch (ImageFormatException e)
        {
            return (null, $"{image.Name}: {e.Message}");
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            return (null, $"{image.Name}: the file is gone.");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return (null, $"{image.Name}: {e.Message}");
        }
    }
}
