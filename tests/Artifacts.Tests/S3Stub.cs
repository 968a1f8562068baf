using System.Collections.Concurrent;
using System.Globalization;
using System.Net;
using Fewshot.Artifacts.S3;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Fewshot.Artifacts.Tests;

/// <summary>As much of S3 as the store speaks, in memory, with faults on demand.</summary>
internal sealed class S3Stub : IAsyncDisposable
{
    private readonly WebApplication app;
    private int uploads;

    private S3Stub(WebApplication app) => this.app = app;

    /// <summary>Handles a request in the stub's stead when it returns true; may let the stub do the work by <see cref="ServeAsync"/> first.</summary>
    public Func<HttpContext, Task<bool>> Fault { get; set; } = _ => Task.FromResult(false);

    public ConcurrentDictionary<string, byte[]> Objects { get; } = new();

    /// <summary>Uploads that are neither completed nor aborted.</summary>
    public ConcurrentDictionary<string, Upload> Uploads { get; } = new();

    public ConcurrentQueue<string> Requests { get; } = new();

    public S3Location Location => S3Location.Parse("s3://bucket/prefix") with
    {
        Endpoint = new Uri(app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.First()),
    };

    public static async Task<S3Stub> StartedAsync()
    {
        S3rverProcess.UseCredentials();
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.ConfigureKestrel(kestrel =>
        {
            kestrel.Limits.MaxRequestBodySize = null;
            kestrel.Listen(IPAddress.Loopback, 0);
        });
        var stub = new S3Stub(builder.Build());
        stub.app.Run(async context =>
        {
            stub.Requests.Enqueue($"{context.Request.Method}{context.Request.Headers.Range}{context.Request.QueryString}");
            if (!await stub.Fault(context))
                await stub.ServeAsync(context);
        });
        await stub.app.StartAsync();
        return stub;
    }

    public static string KeyOf(Digest digest) => "/bucket/prefix/artifacts/" + digest.Hex;

    public static async Task<bool> RefuseAsync(HttpContext context, int status, string code)
    {
        context.Response.StatusCode = status;
        await context.Response.WriteAsync(context.Request.Method == "HEAD" ? "" : $"<Error><Code>{code}</Code><Message>as asked</Message></Error>");
        return true;
    }

    /// <summary>Does what is asked, and cuts the connection in place of the answer.</summary>
    public async Task<bool> ServeUnheardAsync(HttpContext context)
    {
        var body = context.Response.Body;
        context.Response.Body = Stream.Null;
        await ServeAsync(context);
        context.Response.Body = body;
        context.Abort();
        return true;
    }

    public ValueTask DisposeAsync() => app.DisposeAsync();

    public async Task ServeAsync(HttpContext context)
    {
        var (request, key) = (context.Request, context.Request.Path.Value!);
        var upload = request.Query["uploadId"].ToString();
        switch (request.Method)
        {
            case "POST" when upload.Length == 0:
                var id = "upload-" + Interlocked.Increment(ref uploads).ToString(CultureInfo.InvariantCulture);
                Uploads[id] = new Upload(key, DateTime.UtcNow);
                await context.Response.WriteAsync($"<InitiateMultipartUploadResult><Bucket>bucket</Bucket><Key>{key}</Key><UploadId>{id}</UploadId></InitiateMultipartUploadResult>");
                break;
            case "POST" when Uploads.TryRemove(upload, out var ended):
                Objects[key] = [.. ended.Parts.OrderBy(part => part.Key).SelectMany(part => part.Value)];
                await context.Response.WriteAsync("<CompleteMultipartUploadResult><ETag>\"whole\"</ETag></CompleteMultipartUploadResult>");
                break;
            case "POST":
                await RefuseAsync(context, 404, "NoSuchUpload");
                break;
            case "PUT" when upload.Length > 0:
                Uploads[upload].Parts[int.Parse(request.Query["partNumber"]!, CultureInfo.InvariantCulture)] = await BodyAsync(request);
                context.Response.Headers.ETag = "\"part\"";
                break;
            case "PUT" when !TryPut(key, await BodyAsync(request), request):
                await RefuseAsync(context, 412, "PreconditionFailed");
                break;
            case "PUT":
                context.Response.Headers.ETag = "\"whole\"";
                break;
            case "DELETE" when upload.Length > 0:
                Uploads.TryRemove(upload, out _);
                context.Response.StatusCode = 204;
                break;
            case "GET" when request.Query.ContainsKey("uploads"):
                var listed = Uploads.Select(one => $"<Upload><Key>{one.Value.Key["/bucket/".Length..]}</Key><UploadId>{one.Key}</UploadId><Initiated>{one.Value.Begun:o}</Initiated></Upload>");
                await context.Response.WriteAsync($"<ListMultipartUploadsResult><Bucket>bucket</Bucket><IsTruncated>false</IsTruncated>{string.Concat(listed)}</ListMultipartUploadsResult>");
                break;
            case "GET" when request.Query.ContainsKey("list-type"):
                var wanted = "/bucket/" + request.Query["prefix"];
                var found = Objects.Where(one => one.Key.StartsWith(wanted, StringComparison.Ordinal)).Select(one => $"<Contents><Key>{one.Key["/bucket/".Length..]}</Key><LastModified>{DateTime.UtcNow:o}</LastModified><Size>{one.Value.Length}</Size></Contents>");
                await context.Response.WriteAsync($"<ListBucketResult><Name>bucket</Name><IsTruncated>false</IsTruncated>{string.Concat(found)}</ListBucketResult>");
                break;
            case "DELETE":
                Objects.TryRemove(key, out _);
                context.Response.StatusCode = 204;
                break;
            case "GET" or "HEAD" when Objects.TryGetValue(key, out var content):
                await GiveAsync(context, content);
                break;
            default:
                await RefuseAsync(context, 404, "NoSuchKey");
                break;
        }
    }

    /// <summary>Puts where the object is as the request expects it.</summary>
    private bool TryPut(string key, byte[] content, HttpRequest request)
    {
        if (request.Headers.IfNoneMatch == "*")
            return Objects.TryAdd(key, content);
        if (request.Headers.IfMatch.Count > 0)
        {
            return Objects.TryGetValue(key, out var found) && request.Headers.IfMatch == ETagOf(found)
                && Objects.TryUpdate(key, content, found);
        }

        Objects[key] = content;
        return true;
    }

    /// <summary>With a dash, as those of objects that went up in parts: no hash that the SDK would compare the content with.</summary>
    private static string ETagOf(byte[] content) => $"\"{Digest.Of(content).Hex}-1\"";

    private static async Task GiveAsync(HttpContext context, byte[] content)
    {
        var from = 0;
        if (context.Request.GetTypedHeaders().Range?.Ranges.Single() is { } range)
        {
            from = (int)range.From!.Value;
            context.Response.StatusCode = 206;
            context.Response.Headers.ContentRange = $"bytes {from}-{content.Length - 1}/{content.Length}";
        }

        context.Response.Headers.ETag = ETagOf(content);
        context.Response.ContentLength = content.Length - from;
        if (context.Request.Method == "GET")
            await context.Response.Body.WriteAsync(content.AsMemory(from));
    }

    private static async Task<byte[]> BodyAsync(HttpRequest request)
    {
        using var body = new MemoryStream();
        await request.Body.CopyToAsync(body);
        return body.ToArray();
    }

    public sealed record Upload(string Key, DateTime Begun)
    {
        public ConcurrentDictionary<int, byte[]> Parts { get; } = new();
    }
}
