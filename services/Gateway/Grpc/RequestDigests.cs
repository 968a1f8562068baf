using Google.Protobuf;
using Google.Protobuf.Reflection;

namespace Fewshot.Gateway.Grpc;

/// <summary>Every digest that a request names, found by the contracts' own names: <c>digest</c>, <c>..._digest</c>, <c>..._digests</c>.</summary>
public static class RequestDigests
{
    /// <summary>The digests that are given, each with its field as a path; malformed ones, too.</summary>
    public static IEnumerable<(string Digest, string Field)> Of(IMessage request) => Of(request, "");

    private static IEnumerable<(string Digest, string Field)> Of(IMessage message, string path)
    {
        foreach (var field in message.Descriptor.Fields.InDeclarationOrder())
        {
            if (field.FieldType is not (FieldType.String or FieldType.Message) || field.IsMap)
                continue;
            var name = path + field.Name;
            var value = field.Accessor.GetValue(message);
            var found = (field.FieldType, field.IsRepeated) switch
            {
                (FieldType.String, _) when !IsDigest(field) => [],
                (FieldType.String, false) => value is string { Length: > 0 } digest ? [(digest, name)] : [],
                (FieldType.String, true) => ((IEnumerable<string>)value).Select(digest => (digest, name)),
                (_, false) => value is IMessage inner ? Of(inner, name + ".") : [],
                _ => ((System.Collections.IEnumerable)value).Cast<IMessage>().SelectMany((inner, i) => Of(inner, $"{name}[{i}].")),
            };
            foreach (var one in found)
                yield return one;
        }
    }

    private static bool IsDigest(FieldDescriptor field) =>
        field.Name == "digest" || field.Name.EndsWith("_digest", StringComparison.Ordinal) || field.Name.EndsWith("_digests", StringComparison.Ordinal);
}
