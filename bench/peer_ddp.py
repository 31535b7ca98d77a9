"""Median milliseconds of a step of PyTorch's DistributedDataParallel (gloo, channels_last, SGD with momentum), one thread a
process; with one process, of the same step without it. Arguments: network, images a process, processes, fp32 or bf16 (by
autocast), steps to warm up, steps to measure."""
import contextlib, os, statistics, sys, tempfile, time
import torch, torch.distributed as dist, torch.nn as nn, torch.nn.functional as F
import torch.multiprocessing as multiprocessing
from peer_networks import NETWORKS


def train(rank, meeting, network, images, processes, precision, warm, steps):
    torch.set_num_threads(1)
    if processes > 1:
        os.environ["GLOO_SOCKET_IFNAME"] = "lo"
        dist.init_process_group("gloo", init_method=f"file://{meeting}", rank=rank, world_size=processes)
    make, shape, classes = NETWORKS[network]
    net = make().to(memory_format=torch.channels_last)
    if processes > 1:
        net = nn.parallel.DistributedDataParallel(net, gradient_as_bucket_view=True)
    optimizer = torch.optim.SGD(net.parameters(), lr=0.01, momentum=0.9)
    x = torch.rand(images, *shape).to(memory_format=torch.channels_last)
    y = torch.arange(images) % classes
    times = []
    for _ in range(warm + steps):
        start = time.perf_counter()
        optimizer.zero_grad()
        with torch.autocast("cpu", torch.bfloat16) if precision == "bf16" else contextlib.nullcontext():
            loss = F.cross_entropy(net(x), y)
        loss.backward()
        optimizer.step()
        loss.item()
        times.append((time.perf_counter() - start) * 1e3)
    if rank == 0:
        print(statistics.median(times[warm:]), flush=True)
    if processes > 1:
        dist.barrier()  # gloo aborts in a process whose peer has left already
        dist.destroy_process_group()


if __name__ == "__main__":
    network, precision = sys.argv[1], sys.argv[4]
    images, processes, warm, steps = (int(sys.argv[at]) for at in (2, 3, 5, 6))
    with tempfile.TemporaryDirectory() as folder:
        meeting = os.path.join(folder, "meeting")
        multiprocessing.spawn(train, (meeting, network, images, processes, precision, warm, steps), nprocs=processes)
