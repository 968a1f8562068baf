namespace TorchSharp;

/// <summary>Kinds of device, numbered as in libtorch.</summary>
public enum DeviceType
{
    CPU = 0,
    CUDA = 1,
    MKLDNN = 2,
    OPENGL = 3,
    OPENCL = 4,
    IDEEP = 5,
    HIP = 6,
    FPGA = 7,
    ORT = 8,
    XLA = 9,
    VULKAN = 10,
    METAL = 11,
    XPU = 12,
    MPS = 13,
    META = 14,
}

public static partial class torch
{
    public static readonly Device CPU = new(DeviceType.CPU);
    public static readonly Device CUDA = new(DeviceType.CUDA);
    public static readonly Device META = new(DeviceType.META);

    public static Device device(string description) => new(description);
    public static Device device(DeviceType type, int index = -1) => new(type, index);
    public static Device device(int index) => new(index);

    /// <summary>Where a tensor lives: a kind of device and its number; -1 means the current one.</summary>
    public sealed class Device : IEquatable<Device>
    {
        /// <summary>Reads "cpu", "cuda" or "cuda:1".</summary>
        /// <exception cref="ArgumentException">The text names no device.</exception>
        public Device(string description)
        {
            var parts = description.Split(':');
            if (parts.Length > 2 || !Enum.TryParse<DeviceType>(parts[0], ignoreCase: true, out var parsed) || char.IsAsciiDigit(parts[0][0]))
                throw new ArgumentException($"Unknown device '{description}': expected cpu, cuda or cuda:N", nameof(description));
            type = parsed;
            index = parsed == DeviceType.CPU ? -1 : 0;
            if (parts.Length == 2)
                index = int.TryParse(parts[1], out var number) && number >= 0
                    ? number
                    : throw new ArgumentException($"Unknown device '{description}': '{parts[1]}' is no device number", nameof(description));
        }

        public Device(string deviceType, int index = -1) : this(deviceType) => this.index = index;

        public Device(DeviceType deviceType, int index = -1)
        {
            type = deviceType;
            this.index = deviceType == DeviceType.CUDA && index < 0 ? 0 : index;
        }

        /// <summary>The CUDA device of this number.</summary>
        public Device(int index) : this(DeviceType.CUDA, index)
        {
        }

        public DeviceType type { get; }

        public int index { get; }

        public static implicit operator Device(string description) => new(description);

        public bool Equals(Device? other) => other is not null && type == other.type && (type == DeviceType.CPU || index == other.index);

        public override bool Equals(object? obj) => obj is Device other && Equals(other);

        public override int GetHashCode() => HashCode.Combine(type, type == DeviceType.CPU ? -1 : index);

        public static bool operator ==(Device? left, Device? right) => left is null ? right is null : left.Equals(right);

        public static bool operator !=(Device? left, Device? right) => !(left == right);

        /// <summary>"cpu" or "cuda:0".</summary>
        public override string ToString() => type == DeviceType.CPU ? "cpu" : $"{type.ToString().ToLowerInvariant()}:{index}";
    }
}
