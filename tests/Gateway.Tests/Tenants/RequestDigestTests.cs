using Fewshot.Artifacts.V1;
using Fewshot.Compression.V1;
using Fewshot.Gateway.Grpc;
using Google.Protobuf;
using Google.Protobuf.Reflection;
using Grpc.Core;

namespace Fewshot.Gateway.Tests;

/// <summary>No field of a request names an artifact unchecked.</summary>
public sealed class RequestDigestTests
{
    private static readonly MessageDescriptor[] Starts = [StartCompressionRequest.Descriptor, StartStageRequest.Descriptor];

    public static TheoryData<string> Methods =>
        new([.. ArtifactService.Descriptor.Methods.Concat(CompressionService.Descriptor.Methods).Select(method => method.FullName)]);

    [Theory]
    [MemberData(nameof(Methods))]
    public void Of_RequestOfTheGateway_FindsEveryFieldCalledDigest(string name)
    {
        var method = ArtifactService.Descriptor.Methods.Concat(CompressionService.Descriptor.Methods).Single(method => method.FullName == name);
        foreach (var (path, message) in Paths(method.InputType, [], 0))
        {
            Assert.DoesNotContain(message.Fields.InDeclarationOrder(), field => field.IsMap);
            foreach (var field in message.Fields.InDeclarationOrder().Where(field => field.Name.Contains("digest", StringComparison.OrdinalIgnoreCase)))
            {
                var request = Filled(method.InputType, [.. path, field], "x");
                Assert.Equal([("x", string.Join('.', path.Select(NameOf).Append(field.Name)))], RequestDigests.Of(request));
            }
        }
    }

    [Fact]
    public async Task Start_DigestOfAnotherTenantInAnyField_IsAsIfThereWereNone()
    {
        await using var rig = await TenantRig.StartedAsync();
        var theirs = await rig.AsAsync("b", () => rig.PutAsync("theirs"u8.ToArray()));
        var absent = Artifacts.Digest.Of("absent"u8).ToString();
        rig.Token = "a";
        var spec = await rig.SpecAsync();
        var tried = 0;
        foreach (var (path, message) in Starts.SelectMany(start => Paths(start, [], 0)))
        {
            foreach (var field in message.Fields.InDeclarationOrder().Where(field => field.Name.Contains("digest", StringComparison.OrdinalIgnoreCase)))
            {
                foreach (var digest in (string[])[theirs, absent])
                {
                    var request = Filled(path[0].ContainingType, [.. path, field], digest);
                    if (request is StartCompressionRequest compression)
                    {
                        var named = compression.Spec.Clone();
                        compression.Spec = spec.Clone();
                        if (named.MethodCase == CompressionSpec.MethodOneofCase.Practise)
                            named.Practise.DropCount = 2;
                        compression.Spec.MergeFrom(named);
                        if (named.Practise?.LatencyProfileDigest.Length > 0)
                            compression.Spec.Practise.Tau = TauSource.Profile;
                    }

                    request.Descriptor.FindFieldByName("request_id").Accessor.SetValue(request, "r");
                    var error = await Assert.ThrowsAsync<RpcException>(async () => _ = request is StartCompressionRequest start
                        ? (IMessage)await rig.Jobs.StartCompressionAsync(start, deadline: GatewayRig.Deadline)
                        : await rig.Jobs.StartStageAsync((StartStageRequest)request, deadline: GatewayRig.Deadline));
                    Assert.Equal(new Status(StatusCode.NotFound, $"No artifact {digest}."), error.Status);
                    tried++;
                }
            }
        }

        Assert.InRange(tried, 20, 200);
        Assert.Empty((await rig.Jobs.ListJobsAsync(new ListJobsRequest())).Jobs);
    }

    private static string NameOf(FieldDescriptor field) => field.IsRepeated ? $"{field.Name}[0]" : field.Name;

    /// <summary>Every message that a request can hold, and the fields on the way to it.</summary>
    private static IEnumerable<(FieldDescriptor[] Path, MessageDescriptor Message)> Paths(MessageDescriptor message, FieldDescriptor[] path, int depth)
    {
        Assert.InRange(depth, 0, 10);
        yield return (path, message);
        foreach (var field in message.Fields.InDeclarationOrder().Where(field => field.FieldType == FieldType.Message && !field.IsMap))
        {
            foreach (var deeper in Paths(field.MessageType, [.. path, field], depth + 1))
                yield return deeper;
        }
    }

    private static IMessage Filled(MessageDescriptor type, FieldDescriptor[] path, string digest)
    {
        var message = type.Parser.ParseFrom([]);
        object value = path.Length == 1 ? digest : Filled(path[0].MessageType, path[1..], digest);
        if (path[0].IsRepeated)
            ((System.Collections.IList)path[0].Accessor.GetValue(message)).Add(value);
        else
            path[0].Accessor.SetValue(message, value);
        return message;
    }
}
