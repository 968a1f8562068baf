namespace Fewshot.Models.Checkpoints;

/// <summary>A dictionary or <c>collections.OrderedDict</c>; keys are strings or numbers.</summary>
internal sealed class PickleDict
{
    private readonly Dictionary<object, int> index = [];
    private readonly List<KeyValuePair<object, object?>> items = [];

    /// <summary>In order of insertion.</summary>
    public IReadOnlyList<KeyValuePair<object, object?>> Items => items;

    public object? this[object key] => index.TryGetValue(key, out var at) ? items[at].Value : null;

    public void Set(object? key, object? value)
    {
        if (key is not (string or long or double or bool))
            throw new CheckpointException("The pickle has a dictionary key that is neither a string nor a number.");
        var item = KeyValuePair.Create(key, value);
        if (index.TryAdd(key, items.Count))
            items.Add(item);
        else
            items[index[key]] = item;
    }
}

/// <summary>A global the closed list knows, not yet called.</summary>
internal sealed record PickleGlobal(string Name)
{
    public const string OrderedDict = "collections.OrderedDict";
    public const string RebuildTensor = "torch._utils._rebuild_tensor";
    public const string RebuildTensorV2 = "torch._utils._rebuild_tensor_v2";
    public const string RebuildParameter = "torch._utils._rebuild_parameter";
    public const string Size = "torch.Size";

    private static readonly HashSet<string> Dtypes = new(StringComparer.Ordinal)
    {
        "torch.float64", "torch.float32", "torch.float16", "torch.bfloat16", "torch.int64", "torch.int32", "torch.int16", "torch.int8", "torch.uint8", "torch.bool",
    };

    /// <summary>The dtype of a storage class; null for every other global.</summary>
    public string? StorageDtype => Name.StartsWith("torch.", StringComparison.Ordinal) ? Checkpoints.Dtypes.OfStorage(Name["torch.".Length..]) : null;

    /// <summary>Looks a global up without importing anything; whatever is not on the list is refused by its name.</summary>
    public static PickleGlobal Find(string module, string name)
    {
        var global = new PickleGlobal($"{module}.{name}");
        return global.Name is OrderedDict or RebuildTensor or RebuildTensorV2 or RebuildParameter or Size || Dtypes.Contains(global.Name) || global.StorageDtype is not null
            ? global
            : throw new CheckpointException(
                $"The pickle names {Checkpoints.Dtypes.Printed(global.Name)}, which a checkpoint of tensors does not need: refused. " +
                "Save the state dict alone (torch.save(model.state_dict(), ...)) and try again.");
    }
}

/// <summary>A storage, or a view into one: <paramref name="Count"/> elements from element <paramref name="Offset"/> on.</summary>
internal sealed record PickleStorage(string Key, string Dtype, long Offset, long Count);

/// <summary>A tensor as the pickle describes it: not yet checked against the storage's bytes.</summary>
internal sealed record PickleTensor(PickleStorage Storage, long Offset, long[] Shape, long[] Strides);

/// <summary>The bounds of one pickle.</summary>
internal static class PickleLimits
{
    public const int Bytes = 64 << 20;
    public const int Operations = 10_000_000;
    public const int Memo = 2_000_000;
    public const int Depth = 1_000;
    public const int Tensors = 20_000;
    public const int Dimensions = 32;
}
