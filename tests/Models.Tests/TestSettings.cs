// Tensors alive are counted for the whole process (leak tests), and libtorch's threads are shared.
[assembly: CollectionBehavior(DisableTestParallelization = true)]
