namespace Fewshot.Models.Checkpoints;

/// <summary>What the few known globals mean when a pickle calls them, and its persistent ids.</summary>
internal static class PickleCalls
{
    public static object Call(PickleGlobal function, object?[] arguments) => (function.Name, arguments) switch
    {
        (PickleGlobal.OrderedDict, []) => new PickleDict(),
        (PickleGlobal.OrderedDict, [List<object?> pairs]) => Dict(pairs),
        (PickleGlobal.Size, [object?[] extents]) => extents,
        (PickleGlobal.RebuildParameter, [PickleTensor tensor, ..]) => tensor,
        (PickleGlobal.RebuildTensor, [PickleStorage storage, long offset, object?[] shape, object?[] strides]) => Tensor(storage, offset, shape, strides),
        (PickleGlobal.RebuildTensorV2, [PickleStorage storage, long offset, object?[] shape, object?[] strides, bool, _, ..]) => Tensor(storage, offset, shape, strides),
        _ => throw new CheckpointException($"The pickle calls {function.Name} with arguments it does not take."),
    };

    /// <summary><c>('storage', type, key, location, count)</c>, before 1.6 with a view <c>(key, offset, count)</c> or None after it.</summary>
    public static PickleStorage Storage(object? id)
    {
        if (id is not object?[] fields || fields is not ["storage", PickleGlobal { StorageDtype: { } dtype }, string key, string, long and >= 0 and var count, ..] || fields.Length > 6)
            throw new CheckpointException("The pickle refers to something that is no storage: refused.");
        return fields.Length == 5 || fields[5] is null ? new PickleStorage(key, dtype, 0, count)
            : fields[5] is object?[] and [string, long offset, long length] && offset >= 0 && length >= 0 && offset <= count - length
                ? new PickleStorage(key, dtype, offset, length)
                : throw new CheckpointException($"The pickle has a view outside storage {Dtypes.Printed(key)}.");
    }

    private static PickleDict Dict(List<object?> pairs)
    {
        var dict = new PickleDict();
        foreach (var pair in pairs)
        {
            var (key, value) = pair switch
            {
                object?[] and [var k, var v] => (k, v),
                List<object?> and [var k, var v] => (k, v),
                _ => throw new CheckpointException("The pickle makes a dictionary of what are no pairs."),
            };
            dict.Set(key, value);
        }

        return dict;
    }

    private static PickleTensor Tensor(PickleStorage storage, long offset, object?[] shape, object?[] strides) =>
        offset < 0 || shape.Length != strides.Length || shape.Length > PickleLimits.Dimensions
            ? throw new CheckpointException("The pickle has a tensor with a negative offset, or shape and strides that do not match.")
            : new PickleTensor(storage, offset, Extents(shape), Extents(strides));

    private static long[] Extents(object?[] values)
    {
        var extents = new long[values.Length];
        for (var i = 0; i < values.Length; i++)
            extents[i] = values[i] is long and >= 0 and var extent ? extent : throw new CheckpointException("The pickle has a tensor with a shape or stride that is no whole number from 0 on.");
        return extents;
    }
}
