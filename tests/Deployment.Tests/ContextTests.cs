using System.Xml.Linq;
using static Fewshot.Deployment.Tests.Manifests;

namespace Fewshot.Deployment.Tests;

/// <summary>What .dockerignore lets through is what the images are built from.</summary>
public sealed class ContextTests
{
    private static readonly string[] Lines = [.. File.ReadLines(Path.Combine(Root, ".dockerignore")).Where(line => line.Length > 0 && line[0] != '#')];

    [Fact]
    public void Context_Services_FindEveryProjectTheyReference()
    {
        Assert.Equal("*", Lines[0]);
        foreach (var project in Programs.Values
            .SelectMany(name => Closure(Path.Combine(Root, "services", name, $"{name}.csproj"))).Distinct())
            Assert.True(IsIn(Path.GetRelativePath(Root, Path.GetDirectoryName(project)!)), project);
        Assert.All(["Directory.Build.props", "Directory.Packages.props", "global.json"], file => Assert.True(IsIn(file), file));
    }

    [Fact]
    public void Context_WhatNoImageIsBuiltFrom_IsLeftOut()
    {
        // A change of the command line would build every image anew; the others are large, or what a user has lying about.
        Assert.All(["services/Fewshot", "tests", "artifacts", "samples", "out", ".git"], path => Assert.False(IsIn(path), path));
        Assert.All(Lines.Where(line => line[0] == '!'), line => Assert.True(Path.Exists(Path.Combine(Root, line[1..])), line));
    }

    /// <summary>The last line that matches decides.</summary>
    private static bool IsIn(string path) =>
        Lines.Last(line => line == "*" || path == line.TrimStart('!') || path.StartsWith($"{line.TrimStart('!')}/", StringComparison.Ordinal))[0] == '!';

    private static IEnumerable<string> Closure(string project) => XDocument.Load(project).Descendants("ProjectReference")
        .SelectMany(reference => Closure(Path.GetFullPath(reference.Attribute("Include")!.Value, Path.GetDirectoryName(project)!))).Prepend(project);
}
