"""Trains with cnn-dist on the nodes of a Ray cluster: one process on each, which starts that node's workers.

    python launch.py --nodes 4 --gpus-per-node 4 -- --model vgg13 --dataset cifar100 --run-dir /shared/vgg13

What follows -- are the words of 'cnn-dist launch'; --run-dir is a folder that all nodes see. cnn-dist has to be installed on
every node (--command says how it is called there). Ray places the processes, and starts one again that ended before its
time, on another node if its own is gone; the first then goes on with the run from its newest checkpoint, and all others
meet it at its new address. Ctrl-C and SIGTERM save the run. Ends with the first process's exit code.
"""

import argparse
import ctypes
import shlex
import signal
import socket
import subprocess
import sys
import time

import ray
from ray.util.placement_group import placement_group
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy, PlacementGroupSchedulingStrategy

DONE, USAGE, STOPPED = 0, 2, 75
PR_SET_PDEATHSIG = 1


@ray.remote(num_cpus=0)
class Meeting:
    """Where the first process listens: HOST:PORT, once it is known."""

    def __init__(self):
        self.address = None

    def hold_at(self, address):
        self.address = address

    def where(self):
        return self.address


class Lost(Exception):
    """A process ended before its time; Ray calls again what raises this."""


def with_its_parent():
    """What is started saves and ends when this actor does."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


def where(meeting):
    while (address := ray.get(meeting.where.remote())) is None:
        time.sleep(0.2)
    return address


def address_of_this_node():
    with socket.socket() as free:
        free.bind(("", 0))
        port = free.getsockname()[1]
    host = ray.util.get_node_ip_address()
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


@ray.remote
class Node:
    def __init__(self):
        self.process = None

    def stop(self):
        if self.process:
            self.process.terminate()

    @ray.method(retry_exceptions=[Lost])
    def train(self, rank, command, meeting):
        """Resolves with the exit code of a process that ended in time."""
        if rank == 0:
            ray.get(meeting.hold_at.remote(address_of_this_node()))
        while True:
            address = where(meeting)
            words = [*command, "--node-rank", str(rank), "--rendezvous", address]
            try:
                self.process = process = subprocess.Popen(words, preexec_fn=with_its_parent)
            except OSError as error:
                print(f"node {rank}: {error}. --command says how cnn-dist is called on every node.", file=sys.stderr)
                return USAGE
            while process.poll() is None:
                time.sleep(1)
                if where(meeting) != address:  # the first process is elsewhere by now
                    process.terminate()
                    process.wait()
            if where(meeting) == address:
                break
        if process.returncode in (DONE, USAGE, STOPPED):
            return process.returncode
        raise Lost(f"node {rank} ended with {process.returncode}")


def end_of(run, nodes):
    """The exit code of the first process. A signal asks all to save and end."""
    signals = []
    for name in (signal.SIGINT, signal.SIGTERM):
        signal.signal(name, lambda number, _: signals.append(number))
    told = False
    while not ray.wait([run], timeout=0.5)[0]:
        if signals and not told:
            told = [node.stop.remote() for node in nodes]
    return ray.get(run)


def main():
    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument("--nodes", type=int, required=True)
    words.add_argument("--cpus-per-node", type=float, default=1)
    words.add_argument("--gpus-per-node", type=float, default=0)
    words.add_argument("--max-restarts", type=int, default=3, help="of each process, by Ray [3]")
    words.add_argument("--command", default="cnn-dist", help="how cnn-dist is called on every node [cnn-dist]")
    words.add_argument("--address", default="auto", help="of the Ray cluster [the one of this machine]")
    words.add_argument("launch", nargs="*", help="after --: the words of 'cnn-dist launch'")
    given = words.parse_args()

    ray.init(address=given.address)
    resources = {"CPU": given.cpus_per_node, **({"GPU": given.gpus_per_node} if given.gpus_per_node else {})}
    group = placement_group([resources] * given.nodes, strategy="STRICT_SPREAD")
    if not group.wait(timeout_seconds=60):
        print(f"waiting for {given.nodes} nodes with {resources} each", file=sys.stderr)
        ray.get(group.ready())
    command = [*shlex.split(given.command), "launch", *given.launch, "--auto-resume", "--nodes", str(given.nodes)]
    here = NodeAffinitySchedulingStrategy(ray.get_runtime_context().get_node_id(), soft=False)
    meeting = Meeting.options(scheduling_strategy=here).remote()
    nodes = [
        Node.options(
            num_cpus=given.cpus_per_node,
            num_gpus=given.gpus_per_node,
            max_restarts=given.max_restarts,
            max_task_retries=given.max_restarts,
            max_concurrency=2,  # to be stopped while it trains
            scheduling_strategy=PlacementGroupSchedulingStrategy(group, placement_group_bundle_index=rank),
        ).remote()
        for rank in range(given.nodes)
    ]
    runs = [node.train.remote(rank, command, meeting) for rank, node in enumerate(nodes)]
    code = end_of(runs[0], nodes)
    ray.wait(runs, num_returns=len(runs), timeout=30)  # the others end with the run
    time.sleep(1)  # what they said last is still on its way
    ray.shutdown()
    sys.exit(code)


if __name__ == "__main__":
    main()
