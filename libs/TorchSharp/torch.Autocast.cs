using TorchSharp.Interop;

namespace TorchSharp;

public static partial class torch
{
    /// <summary>Whether operations on this kind of device choose a lower precision by themselves on this thread.</summary>
    public static bool is_autocast_enabled(DeviceType device) => Autocast(device, null, null).Enabled;

    public static void set_autocast_enabled(DeviceType device, bool enabled) => Autocast(device, enabled, null);

    /// <summary>The precision that autocast chooses: Float16 on CUDA and BFloat16 on the CPU unless set.</summary>
    public static ScalarType get_autocast_dtype(DeviceType device) => Autocast(device, null, null).Type;

    public static void set_autocast_dtype(DeviceType device, ScalarType dtype) => Autocast(device, null, dtype);

    public static int autocast_increment_nesting()
    {
        Native.fs_autocast_nesting(1, out var depth);
        return depth;
    }

    public static int autocast_decrement_nesting()
    {
        Native.fs_autocast_nesting(0, out var depth);
        return depth;
    }

    /// <summary>Whether converted weights are kept until the outermost autocast region ends.</summary>
    public static bool is_autocast_cache_enabled()
    {
        var enabled = 0;
        Native.fs_autocast_cache(ref enabled, 0);
        return enabled != 0;
    }

    public static void set_autocast_cache_enabled(bool enabled)
    {
        var value = enabled ? 1 : 0;
        Native.fs_autocast_cache(ref value, 1);
    }

    /// <summary>Drops the converted weights. To be called when a region ends, or updated weights are not seen.</summary>
    public static void clear_autocast_cache() => Native.fs_autocast_clear_cache();

    private static (bool Enabled, ScalarType Type) Autocast(DeviceType device, bool? enabled, ScalarType? type)
    {
        int enabledNow = 0, typeNow = 0;
        Native.Check(Native.fs_autocast((int)device, ref enabledNow, ref typeNow, 0));
        if (enabled is null && type is null)
            return (enabledNow != 0, (ScalarType)typeNow);
        enabledNow = enabled ?? enabledNow != 0 ? 1 : 0;
        typeNow = (int)(type ?? (ScalarType)typeNow);
        Native.Check(Native.fs_autocast((int)device, ref enabledNow, ref typeNow, 1));
        return (enabledNow != 0, (ScalarType)typeNow);
    }
}
