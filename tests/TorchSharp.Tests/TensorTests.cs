using System.Runtime.InteropServices;
using TorchSharp;

namespace Fewshot.TorchSharp;

public sealed class TensorTests : IDisposable
{
    private readonly DisposeScope scope = torch.NewDisposeScope();

    public void Dispose() => scope.Dispose();

    [Fact]
    public void FailedOperator_WrongShapes_NamesOperatorShapesAndReason()
    {
        var error = Assert.Throws<ExternalException>(() => torch.mm(torch.ones(2, 3), torch.ones(4, 5)));
        Assert.Contains("aten::mm", error.Message);
        Assert.Contains("[2, 3]", error.Message);
        Assert.Contains("[4, 5]", error.Message);
        Assert.Contains("cannot be multiplied", error.Message);
        Assert.DoesNotContain("\n", error.Message);
    }

    [Fact]
    public void FailedOperator_ThenGoodCall_Works()
    {
        Assert.Throws<ExternalException>(() => torch.ones(2).view(3));
        Assert.Equal(2, torch.ones(2).view(1, 2).sum().item<float>());
    }

    [Fact]
    public void Data_TransposedTensor_ReadsInRowMajorOrder()
    {
        var tensor = torch.arange(6, torch.float32).view(2, 3).t();
        Assert.Equal([0, 3, 1, 4, 2, 5], tensor.data<float>().ToArray());
        Assert.Equal(4, tensor.data<float>()[3]);
        Assert.Throws<ArgumentException>(() => tensor.data<int>());
        Assert.Throws<InvalidOperationException>(() => tensor.bytes.Length);
    }

    [Fact]
    public void Bytes_Written_ChangeTheTensor()
    {
        var tensor = torch.zeros([2], torch.int32);
        tensor.bytes = (byte[])[1, 0, 0, 0, 2, 0, 0, 0];
        Assert.Equal([1, 2], tensor.data<int>().ToArray());
        Assert.Throws<ArgumentException>(() => tensor.bytes = (byte[])[1]);
    }

    [Fact]
    public void Accessor_CopyFromAndEnumerate_RoundTrips()
    {
        var tensor = torch.zeros(4);
        tensor.data<float>().CopyFrom([1, 2, 3, 4]);
        Assert.Equal([1, 2, 3, 4], tensor.data<float>());
        var part = new float[2];
        tensor.data<float>().CopyTo(part, 0, 2);
        Assert.Equal([3, 4], part);
        Assert.Throws<ArgumentOutOfRangeException>(() => tensor.data<float>()[4]);
    }

    [Fact]
    public void Item_EveryType_ReadsTheElement()
    {
        Assert.Equal(1.5f, torch.tensor(1.5f).item<float>());
        Assert.Equal(1.5, torch.tensor(1.5).item<double>());
        Assert.Equal(1L << 40, torch.tensor(1L << 40).item<long>());
        Assert.Equal(7, torch.tensor(7).item<int>());
        Assert.Equal((byte)7, torch.tensor((byte)7).item<byte>());
        Assert.True(torch.tensor(true).item<bool>());
        Assert.Equal(1.5f, torch.tensor(1.5f).ToSingle());
        Assert.Equal(3.0, torch.tensor(3L).ToDouble());
        Assert.Equal(3, torch.tensor(3L).ToInt32());
        Assert.Throws<ArgumentException>(() => torch.ones(2).item<float>());
    }

    [Fact]
    public void FromArray_TwoDimensions_KeepsShape()
    {
        var tensor = torch.from_array(new float[,] { { 1, 2, 3 }, { 4, 5, 6 } });
        Assert.Equal([2, 3], tensor.shape);
        Assert.Equal(21, tensor.sum().item<float>());
    }

    [Fact]
    public void Frombuffer_ArrayWritten_TensorSeesIt()
    {
        var array = new float[6];
        var tensor = torch.frombuffer(array, torch.float32, 4, 1);
        array[1] = 5;
        Assert.Equal(5, tensor[0].item<float>());
        tensor[3] = torch.tensor(9f);
        Assert.Equal(9, array[4]);
        Assert.Throws<ArgumentOutOfRangeException>(() => torch.frombuffer(array, torch.float32, 6, 1));
    }

    [Fact]
    public void Metadata_Tensor_TellsShapeTypeAndStrides()
    {
        var tensor = torch.zeros([2, 3, 4], torch.float64);
        Assert.Equal((3L, 24L, 8L, torch.float64), (tensor.dim(), tensor.numel(), tensor.element_size(), tensor.dtype));
        Assert.Equal([12, 4, 1], tensor.stride());
        Assert.Equal((3, 4), (tensor.size(1), tensor.size(-1)));
        Assert.Throws<ArgumentOutOfRangeException>(() => tensor.size(3));
        Assert.Equal(torch.CPU, tensor.device);
        Assert.True(tensor.is_contiguous());
        Assert.False(tensor.transpose(0, 1).is_contiguous());
        Assert.Contains("2x3x4", tensor.ToString());
    }

    [Fact]
    public void InPlaceOperator_Result_IsTheSameObject()
    {
        var tensor = torch.ones(2);
        Assert.Same(tensor, tensor.add_(1));
    }

    [Fact]
    public void Alias_GradientSet_BothSeeIt()
    {
        var tensor = torch.ones(2);
        tensor.alias().grad = torch.full([2], 3.0);
        Assert.Equal(6, tensor.grad!.sum().item<float>());
        tensor.grad = null;
        Assert.Null(tensor.grad);
    }

    [Theory]
    [InlineData("cpu", DeviceType.CPU, -1)]
    [InlineData("cuda", DeviceType.CUDA, 0)]
    [InlineData("cuda:3", DeviceType.CUDA, 3)]
    public void Device_Description_IsParsed(string text, DeviceType type, int index)
    {
        var device = torch.device(text);
        Assert.Equal((type, index), (device.type, device.index));
    }

    [Theory]
    [InlineData("gpu")]
    [InlineData("cuda:x")]
    [InlineData("cuda:-1")]
    [InlineData("1")]
    [InlineData("")]
    public void Device_BadDescription_Throws(string text) => Assert.Throws<ArgumentException>(() => torch.device(text));

    [SkippableFact]
    public void To_CudaWithoutCuda_SaysSo()
    {
        Skip.If(torch.cuda.is_available(), "this machine has CUDA");
        Assert.Throws<ExternalException>(() => torch.ones(1).cuda());
    }
}
