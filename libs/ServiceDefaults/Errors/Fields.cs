using System.Numerics;
using Fewshot.Artifacts;

namespace Fewshot.ServiceDefaults;

/// <summary>Checks of request fields; each names the field and what it accepts.</summary>
public static class Fields
{
    /// <summary>A digest that must be there.</summary>
    /// <exception cref="InvalidFieldException">It is empty or malformed.</exception>
    public static Digest Digest(string value, string field) => Artifacts.Digest.TryParse(value, out var digest)
        ? digest
        : throw new InvalidFieldException(field, "must be sha256: followed by 64 lower-case hexadecimal digits.");

    /// <summary>A whole number within limits; 0 stands for the default where there is one.</summary>
    public static int Whole(int value, string field, int from, int to, int defaultValue = 0)
    {
        if (value == 0 && defaultValue != 0)
            return defaultValue;
        return value >= from && value <= to ? value : throw OutOfRange(field, from, to, defaultValue);
    }

    /// <summary>A number within limits, both included; 0 stands for the default where there is one.</summary>
    public static double Number(double value, string field, double from, double to, double defaultValue = 0)
    {
        if (value == 0 && defaultValue != 0)
            return defaultValue;
        return value >= from && value <= to ? value : throw OutOfRange(field, from, to, defaultValue);
    }

    /// <summary>A number strictly between 0 and 1.</summary>
    public static double Fraction(double value, string field) =>
        value is > 0 and < 1 ? value : throw new InvalidFieldException(field, "must lie strictly between 0 and 1.");

    /// <summary>A value of an enumeration this version knows.</summary>
    public static T Known<T>(T value, string field)
        where T : struct, Enum => Enum.IsDefined(value)
        ? value
        : throw new InvalidFieldException(field, $"must be one of {string.Join(", ", Enum.GetNames<T>())}.");

    /// <summary>A message or other value that must be there.</summary>
    public static T Present<T>(T? value, string field)
        where T : class => value ?? throw new InvalidFieldException(field, "is missing.");

    private static InvalidFieldException OutOfRange<T>(string field, T from, T to, T defaultValue)
        where T : INumber<T> =>
        new(field, $"must be from {from} to {to}{(T.IsZero(defaultValue) ? "" : $", or 0 for the default {defaultValue}")}.");
}
