"""Median milliseconds of a PyTorch training step, channels_last. Arguments: model, batch, threads."""
import statistics, sys, time
import torch, torch.nn.functional as F
from peer_networks import NETWORKS

# steps, of which to warm up
STEPS = {"lenet5": (300, 100), "vgg13": (7, 2), "resnet18": (7, 2), "alexnet-fashion": (5, 2)}
model, batch, threads = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
torch.set_num_threads(threads)
make, shape, classes = NETWORKS[model]
steps, warm = STEPS[model]
net = make().to(memory_format=torch.channels_last)
x = torch.rand(batch, *shape).to(memory_format=torch.channels_last)
y = torch.arange(batch) % classes
times = []
for _ in range(steps):
    start = time.perf_counter()
    net.zero_grad(set_to_none=True)
    F.cross_entropy(net(x), y).backward()
    times.append((time.perf_counter() - start) * 1e3)
print(statistics.median(times[warm:]))
