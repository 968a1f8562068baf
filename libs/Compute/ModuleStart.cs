// Compiled into every assembly that uses tensors (UsesTorch in its project file): whichever runs first prepares the process for libtorch.
namespace Fewshot.Compute;

file static class ModuleStart
{
    // CA2255: meant for applications, but here the settings must precede the first tensor operation, wherever it comes from.
#pragma warning disable CA2255
    [System.Runtime.CompilerServices.ModuleInitializer]
    internal static void Prepare() => Libtorch.Prepare();
#pragma warning restore CA2255
}
