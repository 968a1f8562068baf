using System.Net;
using System.Net.Sockets;
using Amazon;
using Amazon.Runtime;
using Amazon.S3;
using Polly;
using Polly.Retry;

namespace Fewshot.Artifacts.S3;

/// <summary>A bucket whose requests are repeated by cause: the server is overloaded or broken, or the connection is. Credentials are the usual AWS ones.</summary>
internal sealed class S3Bucket : IDisposable
{
    /// <summary>What callers are told of it.</summary>
    public const string Kind = "S3 store";

    private static readonly string[] PassingCodes = ["SlowDown", "RequestTimeout", "InternalError", "ServiceUnavailable", "OperationAborted", "ConditionalRequestConflict", "Throttling", "TooManyRequests"];
    private readonly AmazonS3Client client;
    private readonly ResiliencePipeline retries;

    public S3Bucket(S3Location location, TimeSpan? patience)
    {
        Location = location;
        var config = new AmazonS3Config
        {
            ForcePathStyle = true,
            // Newer defaults add checksums that some servers store into the object; digests are checked here.
            RequestChecksumCalculation = RequestChecksumCalculation.WHEN_REQUIRED,
            ResponseChecksumValidation = ResponseChecksumValidation.WHEN_REQUIRED,
            Timeout = TimeSpan.FromSeconds(60),
            MaxErrorRetry = 0,
        };
        var region = location.Region ?? Environment.GetEnvironmentVariable("AWS_REGION") ?? Environment.GetEnvironmentVariable("AWS_DEFAULT_REGION") ?? "us-east-1";
        if (location.Endpoint is { } endpoint)
            (config.ServiceURL, config.AuthenticationRegion) = (endpoint.ToString(), region);
        else
            config.RegionEndpoint = RegionEndpoint.GetBySystemName(region);
        client = new AmazonS3Client(config);
        retries = new ResiliencePipelineBuilder()
            .AddTimeout(patience ?? TimeSpan.FromSeconds(60))
            .AddRetry(new RetryStrategyOptions
            {
                ShouldHandle = args => ValueTask.FromResult(args.Outcome.Exception is { } e && !args.Context.CancellationToken.IsCancellationRequested && IsPassing(e)),
                MaxRetryAttempts = int.MaxValue,
                Delay = TimeSpan.FromMilliseconds(50),
                MaxDelay = TimeSpan.FromSeconds(3),
                BackoffType = DelayBackoffType.Exponential,
                UseJitter = true,
            })
            .Build();
    }

    public S3Location Location { get; }

    /// <summary>What the names of artifacts' objects begin with.</summary>
    public string ArtifactPrefix => Location.Prefix + "artifacts/";

    /// <summary>The name of an artifact's object.</summary>
    public string KeyOf(Digest digest) => ArtifactPrefix + digest.Hex;

    /// <summary>Sends a request, which must be harmless when it is done twice. Refusals that tell something of the object pass as they are.</summary>
    /// <exception cref="StoreUnavailableException">The server cannot be reached, is overloaded, or refuses the credentials.</exception>
    /// <exception cref="StoreFullException">The server has no space left.</exception>
    public async Task<T> RunAsync<T>(Func<IAmazonS3, CancellationToken, Task<T>> request, CancellationToken ct)
    {
        Exception? last = null;
        try
        {
            return await retries.ExecuteAsync(
                async stop =>
                {
                    try
                    {
                        return await request(client, stop);
                    }
                    catch (Exception e) when (!stop.IsCancellationRequested)
                    {
                        last = e;
                        throw;
                    }
                },
                ct);
        }
        catch (Exception e) when (!ct.IsCancellationRequested && (e is Polly.Timeout.TimeoutRejectedException || IsPassing(e)))
        {
            throw new StoreUnavailableException($"The artifact store {Location} cannot be reached or is overloaded ({Reason(last ?? e)}).", last ?? e) { Kind = Kind };
        }
        catch (AmazonServiceException e) when (IsFull(e))
        {
            throw new StoreFullException("The artifact store is full: free some space or raise its quota.", e);
        }
        catch (AmazonServiceException e) when (e.StatusCode == HttpStatusCode.Forbidden || e.ErrorCode == "NoSuchBucket")
        {
            throw new StoreUnavailableException($"The artifact store {Location} refuses this service ({Reason(e)}): check the bucket and the AWS credentials.", e) { Kind = Kind };
        }
        catch (AmazonClientException e)
        {
            throw new StoreUnavailableException($"The artifact store {Location} cannot be used: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or another of the usual AWS credentials.", e) { Kind = Kind };
        }
    }

    public void Dispose() => client.Dispose();

    private static bool IsFull(AmazonServiceException e) => e.StatusCode == HttpStatusCode.InsufficientStorage || e.ErrorCode is "QuotaExceeded" or "XMinioStorageFull" or "StorageFull";

    private static bool IsPassing(Exception e) => e switch
    {
        AmazonServiceException refused when IsFull(refused) || refused.StatusCode == HttpStatusCode.NotImplemented => false,
        AmazonUnmarshallingException => true,
        AmazonServiceException { StatusCode: >= HttpStatusCode.InternalServerError or HttpStatusCode.TooManyRequests or HttpStatusCode.RequestTimeout or HttpStatusCode.Conflict } => true,
        AmazonServiceException service => PassingCodes.Contains(service.ErrorCode) || (service.InnerException is { } inner && IsPassing(inner)),
        HttpRequestException or IOException or SocketException or TimeoutException or OperationCanceledException => e is not (DataLossException or ArtifactNotFoundException or StoreFullException),
        AmazonClientException { InnerException: { } inner } => IsPassing(inner),
        _ => false,
    };

    private static string Reason(Exception e) => e switch
    {
        AmazonServiceException { ErrorCode: { Length: > 0 } code } => code,
        AmazonServiceException { StatusCode: >= HttpStatusCode.Continue } service => $"status {(int)service.StatusCode}",
        HttpRequestException http => http.HttpRequestError.ToString(),
        { InnerException: { } inner } => Reason(inner),
        _ => e is IOException ? "the connection broke" : "no answer in time",
    };
}
