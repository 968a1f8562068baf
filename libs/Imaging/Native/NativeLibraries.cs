using System.Runtime.InteropServices;

namespace Fewshot.Imaging.Native;

/// <summary>Looks for a system library before its first call, so that its absence is told in words.</summary>
internal static class NativeLibraries
{
    /// <exception cref="ImagingLibraryException">The library is not installed.</exception>
    public static void Require(string library, string debianPackage, ref bool present)
    {
        if (present)
            return;
        if (!NativeLibrary.TryLoad(library, typeof(NativeLibraries).Assembly, DllImportSearchPath.SafeDirectories, out _))
            throw new ImagingLibraryException($"{library} is not installed. On Debian: apt-get install {debianPackage}");
        present = true;
    }
}
