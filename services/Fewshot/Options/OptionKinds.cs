using System.CommandLine;
using System.CommandLine.Parsing;
using System.Globalization;

namespace Fewshot.Cli.Options;

/// <summary>Options whose values are checked while they are read, with messages that name the option and what it accepts.</summary>
internal static class OptionKinds
{
    public static Option<int?> WholeNumber(string name, string description, int minimum = 1, int maximum = int.MaxValue) =>
        new(name) { Description = description, HelpName = "N", CustomParser = WholeNumberParser<int?>(minimum, maximum, value => (int)value) };

    public static Option<int> WholeNumber(string name, string description, int minimum, int maximum, int standard) => new(name)
    {
        Description = description,
        HelpName = "N",
        DefaultValueFactory = _ => standard,
        CustomParser = WholeNumberParser(minimum, maximum, value => (int)value),
    };

    public static Option<ulong> Seed(string description, ulong standard) => new("--seed")
    {
        Description = description,
        HelpName = "N",
        DefaultValueFactory = _ => standard,
        CustomParser = result => Parse(result, "a whole number of at least 0",
            text => (ulong.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var value), value)),
    };

    public static Option<double> Number(string name, string description, double minimum, double maximum, double standard) => new(name)
    {
        Description = description,
        HelpName = "X",
        DefaultValueFactory = _ => standard,
        CustomParser = result => Parse(result, $"a number from {minimum} to {maximum}",
            text => (TryNumber(text, out var value) && value >= minimum && value <= maximum, value)),
    };

    /// <summary>Null when the option is not given.</summary>
    public static Option<double?> Number(string name, string description, double minimum, double maximum) => new(name)
    {
        Description = description,
        HelpName = "X",
        CustomParser = result => Parse<double?>(result, $"a number from {minimum} to {maximum}",
            text => (TryNumber(text, out var value) && value >= minimum && value <= maximum, value)),
    };

    /// <summary>A learning rate within the bounds of the services.</summary>
    public static Option<double> LearningRate(string name, string description, double standard) => Number(name, description, 1e-12, 100, standard);

    /// <summary>A fraction strictly between 0 and 1; "20%" is 0.2.</summary>
    public static Option<double?> Fraction(string name, string description) => new(name)
    {
        Description = description,
        HelpName = "F",
        CustomParser = result => Parse<double?>(result, "a fraction between 0 and 1, such as 0.2 or 20%", text =>
        {
            var good = TryFraction(text, out var value);
            return (good, value);
        }),
    };

    /// <summary>Different fractions strictly between 0 and 1, separated by commas.</summary>
    public static Option<double[]?> Fractions(string name, string description) => new(name)
    {
        Description = description,
        HelpName = "F,F",
        CustomParser = result => Parse<double[]?>(result, "different fractions between 0 and 1, separated by commas, such as 0.9,0.8", text =>
        {
            var parts = text.Split(',', StringSplitOptions.TrimEntries);
            var values = new double[parts.Length];
            var good = true;
            for (var i = 0; i < parts.Length; i++)
                good &= TryFraction(parts[i], out values[i]);
            return (good && values.Distinct().Count() == values.Length, values);
        }),
    };

    /// <summary>One number for all channels, or three separated by commas.</summary>
    public static Option<double[]?> PerChannel(string name, string description, bool positive) => new(name)
    {
        Description = description,
        HelpName = "X|X,X,X",
        CustomParser = result => Parse<double[]?>(result, positive ? "one number above 0, or three separated by commas" : "one number, or three separated by commas", text =>
        {
            var parts = text.Split(',');
            var values = new double[parts.Length];
            var good = parts.Length is 1 or 3;
            for (var i = 0; i < parts.Length; i++)
                good &= TryNumber(parts[i], out values[i]) && (!positive || values[i] > 0);
            return (good, values);
        }),
    };

    /// <summary>Names separated by commas.</summary>
    public static Option<string[]?> Names(string name, string description) => new(name)
    {
        Description = description,
        HelpName = "NAME,NAME",
        CustomParser = result => Parse<string[]?>(result, "names separated by commas", text =>
        {
            var names = text.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries);
            return (names.Length > 0, names);
        }),
    };

    /// <summary>One of a few words; case and the choice of '-' or '_' do not matter.</summary>
    public static Option<string> Word(string name, string description, string standard, params string[] words) => new(name)
    {
        Description = description,
        HelpName = string.Join('|', words),
        DefaultValueFactory = _ => standard,
        CustomParser = WordParser(words),
    };

    /// <summary>One of a few words, or null when the option is not given.</summary>
    public static Option<string?> OptionalWord(string name, string description, params string[] words) => new(name)
    {
        Description = description,
        HelpName = string.Join('|', words),
        CustomParser = WordParser(words),
    };

    /// <summary>What was given, or null: the parser turns an absent list into an empty one.</summary>
    public static T[]? Given<T>(this ParseResult parsed, Option<T[]?> option) => parsed.GetValue(option) is { Length: > 0 } values ? values : null;

    public static Option<string?> Text(string name, string description, string helpName) =>
        new(name) { Description = description, HelpName = helpName };

    public static Option<bool> Flag(string name, string description) => new(name) { Description = description };

    private static Func<ArgumentResult, string?> WordParser(string[] words) => result => Parse(result, "one of " + string.Join(", ", words), text =>
    {
        var index = Array.FindIndex(words, word => Plain(word) == Plain(text));
        return (index >= 0, index >= 0 ? words[index] : "");
    });

    private static string Plain(string word) => word.Replace('_', '-').ToLowerInvariant();

    private static bool TryFraction(string text, out double value)
    {
        var percent = text.EndsWith('%');
        var read = TryNumber(percent ? text[..^1] : text, out value);
        value = percent ? value / 100 : value;
        return read && value is > 0 and < 1;
    }

    private static bool TryNumber(string text, out double value) =>
        double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out value) && double.IsFinite(value);

    private static Func<ArgumentResult, T?> WholeNumberParser<T>(long minimum, long maximum, Func<long, T> convert)
    {
        var accepted = maximum is int.MaxValue or long.MaxValue ? $"a whole number of at least {minimum}" : $"a whole number from {minimum} to {maximum}";
        return result => Parse(result, accepted, text =>
        {
            var read = long.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var value);
            return read && value >= minimum && value <= maximum ? (true, convert(value)) : (false, default!);
        });
    }

    private static T? Parse<T>(ArgumentResult result, string accepted, Func<string, (bool Good, T Value)> parse)
    {
        var text = result.Tokens[^1].Value;
        var (good, value) = parse(text);
        if (good) return value;
        var name = result.Parent is OptionResult option ? option.Option.Name : result.Argument.Name;
        result.AddError($"{name} takes {accepted}, not '{text}'");
        return default;
    }
}
