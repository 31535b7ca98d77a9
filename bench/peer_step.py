"""Median milliseconds of a PyTorch training step, channels_last. Arguments: model, batch, threads."""
import statistics, sys, time
import torch, torch.nn as nn, torch.nn.functional as F

model, batch, threads = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
torch.set_num_threads(threads)
if model == "lenet5":
    shape, classes, steps, warm = (1, 28, 28), 10, 60, 20
    net = nn.Sequential(nn.ZeroPad2d(2), nn.Conv2d(1, 6, 5), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(6, 16, 5), nn.ReLU(), nn.MaxPool2d(2),
                        nn.Flatten(), nn.Linear(400, 120), nn.ReLU(), nn.Linear(120, 84), nn.ReLU(), nn.Linear(84, classes))
else:
    shape, classes, steps, warm = (3, 32, 32), 100, 7, 2
    layers, c = [], 3
    for f in (64, 128, 256, 512, 512):
        layers += [nn.Conv2d(c, f, 3, padding=1), nn.ReLU(), nn.Conv2d(f, f, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)]
        c = f
    net = nn.Sequential(*layers, nn.Flatten(), nn.Linear(512, 256), nn.ReLU(), nn.Linear(256, 128), nn.ReLU(), nn.Linear(128, classes))
net = net.to(memory_format=torch.channels_last)
x = torch.rand(batch, *shape).to(memory_format=torch.channels_last)
y = torch.arange(batch) % classes
times = []
for _ in range(steps):
    start = time.perf_counter()
    net.zero_grad(set_to_none=True)
    F.cross_entropy(net(x), y).backward()
    times.append((time.perf_counter() - start) * 1e3)
print(statistics.median(times[warm:]))
