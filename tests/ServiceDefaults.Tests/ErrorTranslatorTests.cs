using Fewshot.Artifacts;
using Fewshot.Artifacts.Redis;
using Fewshot.Artifacts.S3;
using Grpc.Core;

namespace Fewshot.ServiceDefaults.Tests;

public sealed class ErrorTranslatorTests
{
    private class DomainException(string message) : Exception(message);

    private sealed class DerivedException(string message) : DomainException(message);

    private sealed class UnnamedException() : DomainException("general");

    private sealed class NativeException(string message) : System.Runtime.InteropServices.ExternalException(message);

    private static readonly ErrorTranslator Errors = new(
        [new ErrorRule(typeof(DomainException), StatusCode.FailedPrecondition), new ErrorRule(typeof(DerivedException), StatusCode.Aborted)]);

    public static TheoryData<Exception, StatusCode> Cases => new()
    {
        { new InvalidFieldException("batch_size", "must be from 1 to 9."), StatusCode.InvalidArgument },
        { new PreconditionException("labels are missing"), StatusCode.FailedPrecondition },
        { new ArtifactNotFoundException(Digest.Of("x"u8)), StatusCode.NotFound },
        { new DataLossException("damaged"), StatusCode.DataLoss },
        { new DigestMismatchException(Digest.Of("x"u8), Digest.Of("y"u8)), StatusCode.InvalidArgument },
        { new StoreFullException("full"), StatusCode.ResourceExhausted },
        { new StoreUnavailableException("no connection"), StatusCode.Unavailable },
        { new StepCancelledException(), StatusCode.Cancelled },
        { new OperationCanceledException(), StatusCode.Cancelled },
        { new RetryLaterException("busy", TimeSpan.FromSeconds(1)), StatusCode.ResourceExhausted },
        { new RetryLaterException("bye", TimeSpan.FromSeconds(1), stopping: true), StatusCode.Unavailable },
        { new DomainException("general"), StatusCode.FailedPrecondition },
        { new DerivedException("special"), StatusCode.Aborted },
        { new UnnamedException(), StatusCode.FailedPrecondition },
        { new InvalidOperationException("bug"), StatusCode.Internal },
        { new NativeException("conv2d: CUDA out of memory. Tried to allocate"), StatusCode.ResourceExhausted },
        {
            new NativeException("[enforce fail at alloc_cpu.cpp:124] err == 0. DefaultCPUAllocator: can't allocate memory: "
                + "you tried to allocate 4 bytes."),
            StatusCode.ResourceExhausted
        },
        { new NativeException("conv2d: shapes differ"), StatusCode.Internal },
    };

    [Theory]
    [MemberData(nameof(Cases))]
    public void Translate_Exception_HasItsCode(Exception exception, StatusCode code) => Assert.Equal(code, Errors.Translate(exception).StatusCode);

    [Fact]
    public void Translate_Unforeseen_SaysNothingOfItself() =>
        Assert.DoesNotContain("secret", Errors.Translate(new InvalidOperationException("secret")).Status.Detail, StringComparison.Ordinal);

    [Fact]
    public async Task Translate_StoresOutOfReach_SayTheirKindAlone()
    {
        using var state = new StateFolder();
        using var redis = new RedisServer(RedisAddress.Parse("redis://:password@127.0.0.1:1"), TimeSpan.FromMilliseconds(200));
        var ledger = await Assert.ThrowsAsync<StoreUnavailableException>(() => redis.RunAsync(database => database.KeyExistsAsync("x")));
        Assert.Contains("127.0.0.1:1", ledger.Message, StringComparison.Ordinal);
        var location = S3Location.Parse("s3://secret-bucket") with { Endpoint = new Uri("http://127.0.0.1:1") };
        using var s3 = new S3ArtifactStore(location, new LocalCopies(Path.Combine(state.Path, "copies"), 1 << 20), TimeSpan.FromMilliseconds(200));
        var artifacts = await Assert.ThrowsAsync<StoreUnavailableException>(() => s3.StatAsync(Digest.Of("x"u8)));
        Assert.Contains("secret-bucket", artifacts.Message, StringComparison.Ordinal);
        foreach (var (exception, kind) in ((Exception, string)[])[(ledger, "Redis server"), (artifacts, "S3 store")])
        {
            var told = Errors.Translate(exception);
            Assert.Equal($"The service's {kind} cannot be reached or does not answer; its log says more. Try again.", told.Status.Detail);
            Assert.Equal("1000", told.Trailers.GetValue(ErrorTranslator.RetryAfterTrailer));
        }
    }

    [Fact]
    public void Translate_RetryLater_CarriesTheHint() =>
        Assert.Equal("1500", Errors.Translate(new RetryLaterException("busy", TimeSpan.FromSeconds(1.5))).Trailers.GetValue(ErrorTranslator.RetryAfterTrailer));

    [Theory]
    [InlineData("cannot read /home/jo/.fewshot/artifacts/ab12: truncated", "cannot read (file): truncated")]
    [InlineData("'/var/lib/x.bin' is short", "'(file)' is short")]
    [InlineData("layer1.1/conv and 1/2 stay", "layer1.1/conv and 1/2 stay")]
    [InlineData("/fewshot.trials.v1.BlockTrialService is a name", "/fewshot.trials.v1.BlockTrialService is a name")]
    [InlineData("see https://example.org/a/b", "see https://example.org/a/b")]
    [InlineData("Connection refused (10.0.0.7:5210) SocketException: Connection refused", "Connection refused SocketException: Connection refused")]
    [InlineData("Name or service not known (trials.internal.example:5210)", "Name or service not known")]
    [InlineData("a ratio (1:2 of them) stays", "a ratio (1:2 of them) stays")]
    [InlineData("two\nlines", "two\\u000alines")]
    public void Clean_Message_HidesPathsAndControls(string message, string clean) => Assert.Equal(clean, ErrorTranslator.Clean(message));

    [Theory]
    [InlineData("plain text, größer 😀", "plain text, größer 😀")]
    [InlineData("a\r\nb\tc\u001b[31m", "a\\u000d\\u000ab\\u0009c\\u001b[31m")]
    [InlineData("x\u2028y\u202Ez", "x\\u2028y\\u202ez")]
    public void Escape_Text_IsOneHarmlessLine(string text, string escaped) => Assert.Equal(escaped, LogText.Escape(text));
}
