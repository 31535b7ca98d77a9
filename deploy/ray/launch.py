"""Trains with cnn-dist on the nodes of a Ray cluster: one process on each, which starts that node's workers.

    python launch.py --nodes 4 --gpus-per-node 4 -- --model vgg13 --dataset cifar100 --run-dir /shared/vgg13

What follows -- are the words of 'cnn-dist launch'; --run-dir is a folder that all nodes see. cnn-dist has to be installed on
every node (--command says how it is called there). Ray places the processes, and starts one again that ended before its
time, on another node if its own is gone; the first then goes on with the run from its newest checkpoint, and all others
meet it at its new address. Ctrl-C, SIGTERM and the end of the driver save the run. Ends with the first process's exit code.
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


@ray.remote
class Node:
    def __init__(self, rank, command, meeting):
        self.rank, self.command, self.meeting = rank, command, meeting

    @ray.method(retry_exceptions=[Lost])
    def train(self):
        if self.rank == 0:
            with socket.socket() as free:
                free.bind(("", 0))
                host = ray.util.get_node_ip_address()
                address = f"[{host}]:{free.getsockname()[1]}" if ":" in host else f"{host}:{free.getsockname()[1]}"
            ray.get(self.meeting.hold_at.remote(address))
        while True:
            address = self.find()
            words = ["--node-rank", str(self.rank), "--rendezvous", address]
            process = subprocess.Popen([*self.command, *words], preexec_fn=with_its_parent)
            while process.poll() is None:
                time.sleep(1)
                if self.rank > 0 and self.find() != address:
                    process.terminate()
                    process.wait()
            if self.find() == address:
                break
        if process.returncode in (DONE, USAGE, STOPPED):
            return process.returncode
        raise Lost(f"node {self.rank} ended with {process.returncode}")

    def find(self):
        while (address := ray.get(self.meeting.where.remote())) is None:
            time.sleep(0.2)
        return address


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

    signal.signal(signal.SIGTERM, lambda *_: sys.exit(STOPPED))  # the actors end with the driver, and save
    ray.init(address=given.address, log_to_driver=True)
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
            scheduling_strategy=PlacementGroupSchedulingStrategy(group, placement_group_bundle_index=rank),
        ).remote(rank, command, meeting)
        for rank in range(given.nodes)
    ]
    runs = [node.train.remote() for node in nodes]
    code = ray.get(runs[0])
    ray.wait(runs, num_returns=len(runs), timeout=30)  # the others end with the run
    sys.exit(code)


if __name__ == "__main__":
    main()
