"""Processor microseconds a call of small operators from PyTorch's Python; prints "name microseconds" lines for the program beside it."""
import time

import torch
import torch.nn.functional as F

torch.set_num_threads(1)
a, b, p = torch.ones(4), torch.ones(4), torch.ones(4, requires_grad=True)
x, w, m = torch.ones(1, 4, 4, 4), torch.ones(4, 4, 1, 1), torch.ones(8, 8)


def measure(name, call, count=100_000):
    best = float("inf")
    for _ in range(7):
        start = time.process_time()
        for _ in range(count):
            call()
        best = min(best, (time.process_time() - start) / count)
    print(name, best * 1e6, flush=True)


with torch.no_grad():
    measure("add", lambda: a + b)
    measure("add_in_place", lambda: a.add_(b))
    measure("mul_scalar", lambda: a * 2.0)
    measure("view", lambda: m.view(4, 16))
    measure("mm", lambda: m.mm(m))
    measure("conv2d_1x1", lambda: F.conv2d(x, w), 20_000)
measure("add_recorded", lambda: p + b)
