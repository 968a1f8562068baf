using TorchSharp.Interop;

namespace TorchSharp;

public static partial class torch
{
    /// <summary>Stops recording operations on this thread until disposed.</summary>
    public static IDisposable no_grad() => new AutoGradMode(false);

    /// <summary>Records operations on this thread until disposed.</summary>
    public static IDisposable enable_grad(bool enabled = true) => new AutoGradMode(enabled);

    public static IDisposable set_grad_enabled(bool mode = true) => new AutoGradMode(mode);

    public static bool is_grad_enabled() => Native.fs_grad_mode() != 0;

    /// <summary>
    /// Until disposed, tensors made on this thread carry no version counter and no history: cheaper than <see cref="no_grad"/>, but they can never take part
    /// in a recorded operation.
    /// </summary>
    public static IDisposable inference_mode(bool mode = true) => new InferenceModeGuard(mode);

    public static bool is_inference_mode_enabled() => Native.fs_is_inference_mode() != 0;

    private sealed class AutoGradMode : IDisposable
    {
        private readonly int before = Native.fs_grad_mode();

        internal AutoGradMode(bool enabled) => Native.fs_set_grad_mode(enabled ? 1 : 0);

        public void Dispose() => Native.fs_set_grad_mode(before);
    }

    private sealed class InferenceModeGuard : IDisposable
    {
        private nint guard;

        internal InferenceModeGuard(bool enabled) => Native.Check(Native.fs_enter_inference_mode(enabled ? 1 : 0, out guard));

        // Leaving restores thread state, so only the owner may do it, never the finaliser's thread.
        public void Dispose()
        {
            if (guard != 0)
                Native.fs_leave_inference_mode(guard);
            guard = 0;
        }
    }
}
