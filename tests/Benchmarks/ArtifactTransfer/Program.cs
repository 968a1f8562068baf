using System.Globalization;
using Fewshot.Artifacts;
using Fewshot.Artifacts.S3;
using Fewshot.Benchmarks.ArtifactTransfer;

// A 1.3 GB artifact up and down: seconds against a plain copy of the file to the same disk, in turn so that a busy moment strikes both, and extra memory.
//   (nothing)                     the file store
//   s3://BUCKET/PREFIX ENDPOINT   an S3-speaking server, with the usual AWS credentials
var folder = Directory.CreateTempSubdirectory("fewshot-transfer-").FullName;
try
{
    using var copies = new LocalCopies(Path.Combine(folder, "copies"), 1 << 30);
    using var files = new FileArtifactStore(Path.Combine(folder, "artifacts"));
    using var s3 = args is [var location, var endpoint] ? new S3ArtifactStore(S3Location.Parse(location) with { Endpoint = new Uri(endpoint) }, copies) : null;
    var transfer = new Transfer(folder, (IArtifactStore?)s3 ?? files);
    foreach (var line in await transfer.RunAsync(rounds: s3 is null ? 3 : 1, bytes: 1_300_000_000))
        Console.WriteLine(line.ToString(CultureInfo.InvariantCulture));
}
finally
{
    Directory.Delete(folder, recursive: true);
}
