"""Median milliseconds of a PyTorch training step, channels_last. Arguments: model, batch, threads, fp32 or bf16 (by autocast)."""
import statistics, sys, time
import torch, torch.nn.functional as F
from peer_networks import NETWORKS

# steps, of which to warm up
STEPS = {"lenet5": (300, 100), "vgg13": (7, 2), "resnet18": (7, 2), "alexnet-fashion": (5, 2)}
model, batch, threads, precision = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4]
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
    with torch.autocast("cpu", dtype=torch.bfloat16, enabled=precision == "bf16"):
        loss = F.cross_entropy(net(x), y)
    loss.backward()
    times.append((time.perf_counter() - start) * 1e3)
print(statistics.median(times[warm:]))
