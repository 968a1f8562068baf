using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;

namespace Fewshot.ServiceDefaults;

/// <summary>A secret that stands for a tenant: 256 random bits. Servers keep only its SHA-256.</summary>
public static class BearerToken
{
    /// <summary>What tokens begin with, so that people and scanners know one when they see it.</summary>
    public const string Prefix = "fewshot_";

    /// <summary>Makes a token.</summary>
    public static string New() => Prefix + Base64Url.EncodeToString(RandomNumberGenerator.GetBytes(32));

    /// <summary>The SHA-256 of a token's text, 32 bytes.</summary>
    public static byte[] HashOf(string token) => SHA256.HashData(Encoding.UTF8.GetBytes(token));

    /// <summary>A token as a file of tenants holds it: <c>sha256:</c> and 64 hexadecimal digits.</summary>
    public static string DigestOf(string token) => Artifacts.Digest.FromHash(HashOf(token)).ToString();
}
