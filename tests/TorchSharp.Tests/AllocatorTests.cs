using TorchSharp;
using TorchSharp.Interop;

namespace Fewshot.TorchSharp;

/// <summary>The blocks kept for the next step are the whole process's, so nothing else may run beside these tests.</summary>
[Collection(nameof(LeakTests))]
public sealed class AllocatorTests
{
    private const long Megabyte = 1 << 20;

    public AllocatorTests() => Native.fs_drop_kept_blocks();

    [Fact]
    public void LargeTensor_Freed_ItsBlockServesTheNext()
    {
        var first = Bytes(8 * Megabyte);
        var address = first.DataPointer();
        first.Dispose();
        Assert.Equal(8 * Megabyte, Native.fs_kept_bytes());
        using var second = Bytes(7 * Megabyte);
        Assert.Equal(address, second.DataPointer());
        Assert.Equal(0, Native.fs_kept_bytes());
    }

    [Fact]
    public void OtherSizes_AfterAFreedPeak_ExceedItByAQuarterAtMost()
    {
        Bytes(64 * Megabyte).Dispose();
        using var smaller = Bytes(16 * Megabyte);
        Assert.Equal(64 * Megabyte, Native.fs_kept_bytes());
        using var another = Bytes(Megabyte);
        Assert.Equal(0, Native.fs_kept_bytes());
    }

    [Fact]
    public void OtherSizes_AfterALargePeak_ExceedItBy256MiBAtMost()
    {
        Bytes(2048 * Megabyte).Dispose();
        using var smaller = Bytes(256 * Megabyte);
        Assert.Equal(2048 * Megabyte, Native.fs_kept_bytes());
        using var another = Bytes(Megabyte);
        Assert.Equal(0, Native.fs_kept_bytes());
    }

    [Fact]
    public void SmallTensor_Freed_KeepsNothing()
    {
        Bytes(100_000).Dispose();
        Assert.Equal(0, Native.fs_kept_bytes());
    }

    [Fact]
    public void LargeTensors_ManyThreads_HoldTheirOwnValues()
    {
        Parallel.For(0, 8, worker =>
        {
            for (var round = 0; round < 50; round++)
            {
                using var tensor = torch.full([200_000 + worker], (double)worker, torch.float32);
                Assert.Equal(worker, tensor.mean().item<float>());
            }
        });
    }

    [Fact]
    public void Data_OfLargeTensor_IsAlignedForVectors()
    {
        using var tensor = Bytes(Megabyte + 1);
        Assert.Equal(0, tensor.DataPointer() % 64);
    }

    private static torch.Tensor Bytes(long count) => torch.empty([count], torch.uint8);
}
