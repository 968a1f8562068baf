namespace Fewshot.Imaging;

/// <summary>Reads and checks the images of a listing, several at once; the outcome does not depend on how many.</summary>
internal static class ImageSetLoader
{
    private const int ReasonsKept = 5;

    public static ImageSet Load(ImageSetListing listing, long maxPixels, CancellationToken ct)
    {
        var chosen = new SortedDictionary<int, ImageSetEntry>();
        var reasons = new List<string>();
        var skipped = 0;
        foreach (var draw in listing.Draws)
        {
            var missing = draw.Wanted;
            // Whoever gives way is replaced from what comes next in the order of drawing, as many as are still missing at a time.
            for (var at = 0; missing > 0 && at < draw.Order.Count;)
            {
                var batch = draw.Order.Skip(at).Take(missing).ToArray();
                at += batch.Length;
                var outcomes = new (ImageSetEntry? Entry, string? Reason)[batch.Length];
                Workers.For(batch.Length, i => outcomes[i] = Read(listing.Images[batch[i]], maxPixels), ct);
                for (var i = 0; i < batch.Length; i++)
                {
                    if (outcomes[i].Entry is { } entry)
                    {
                        chosen.Add(batch[i], entry);
                        missing--;
                    }
                    else
                    {
                        skipped++;
                        if (reasons.Count < ReasonsKept)
                            reasons.Add(outcomes[i].Reason!);
                    }
                }
            }
        }

        if (chosen.Count == 0)
            throw new ImageSetException($"No image of {listing.Source} can be used; {skipped} were skipped. {string.Join(" ", reasons)}");
        return new ImageSet([.. chosen.Values], listing.ClassCount, skipped, reasons);
    }

    private static (ImageSetEntry? Entry, string? Reason) Read(ListedImage image, long maxPixels)
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
