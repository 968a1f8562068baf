using System.Reflection;
using Microsoft.Extensions.Configuration;

namespace Fewshot.ServiceDefaults;

/// <summary>A section of the configuration and the class of its keys.</summary>
public static class OptionsSection
{
    /// <summary>Reads a section into options; a key that is none of theirs is as wrong as a value that is none of the key's.</summary>
    /// <param name="configuration">The host's configuration.</param>
    /// <param name="options">Gets the values; its class has a constant <c>Section</c>.</param>
    /// <exception cref="HostOptionsException">A key or a value is wrong; the message names it.</exception>
    public static void Read(IConfiguration configuration, object options)
    {
        var section = configuration.GetSection(NameOf(options.GetType()));
        foreach (var key in section.GetChildren().Where(child => !Keys(options.GetType()).Any(known => known.Name.Equals(child.Key, StringComparison.OrdinalIgnoreCase))))
            throw new HostOptionsException($"There is no setting {LogText.Escape(key.Path)}: --help lists those of this service.");
        try
        {
            section.Bind(options);
        }
        catch (InvalidOperationException e)
        {
            throw new HostOptionsException(LogText.Escape($"{e.Message} {e.InnerException?.Message}".TrimEnd()), e);
        }
    }

    internal static string NameOf(Type options) => (string)options.GetField("Section")!.GetRawConstantValue()!;

    internal static IEnumerable<PropertyInfo> Keys(Type options) => options.GetProperties(BindingFlags.Public | BindingFlags.Instance);
}
