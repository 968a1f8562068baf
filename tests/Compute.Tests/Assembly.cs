// Every test computes on all cores, and the leak test counts the process's tensors.
[assembly: CollectionBehavior(DisableTestParallelization = true)]
