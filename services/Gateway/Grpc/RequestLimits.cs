using System.Collections;
using Fewshot.ServiceDefaults;
using Google.Protobuf;
using Google.Protobuf.Reflection;

namespace Fewshot.Gateway.Grpc;

/// <summary>How many items a request may list, checked before anything is made of them.</summary>
internal static class RequestLimits
{
    /// <summary>More than any network has blocks.</summary>
    public const int MostItems = 1000;

    /// <exception cref="InvalidFieldException">A field lists more; the message names it.</exception>
    public static void Check(IMessage request) => Check(request, "");

    private static void Check(IMessage message, string path)
    {
        var fields = message.Descriptor.Fields.InDeclarationOrder().Where(field => field.IsRepeated || field.FieldType == FieldType.Message);
        foreach (var field in fields)
        {
            var value = field.Accessor.GetValue(message);
            if (value is ICollection { Count: > MostItems and var count })
                throw new InvalidFieldException(path + field.Name, $"lists {count} items; at most {MostItems} are accepted.");
            if (field.IsMap || field.FieldType != FieldType.Message)
                continue;
            foreach (var inner in field.IsRepeated ? ((IEnumerable)value).Cast<IMessage>() : value is IMessage one ? [one] : [])
                Check(inner, $"{path}{field.Name}.");
        }
    }
}
