"""CPU time of a process, and what it is pinned to."""

import os


def seconds(pid):
    """CPU seconds of all threads of a process, from the scheduler's own nanosecond account."""
    total = 0
    for task in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{task}/schedstat", encoding="ascii") as file:
            total += int(file.read().split()[0])
    return total / 1e9


def family(pid):
    """A process and those that it has started, by their ids."""
    found = [pid]
    for task in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{task}/children", encoding="ascii") as file:
            for child in file.read().split():
                found += family(int(child))
    return found


def memory_bytes(pid):
    """The resident memory of a process."""
    with open(f"/proc/{pid}/status", encoding="ascii") as file:
        for line in file:
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) * 1024
    raise RuntimeError("no VmRSS: the process has ended")


class Cores:
    """Which cores are whose: one for Envoy, one for the load."""

    def __init__(self):
        cores = sorted(os.sched_getaffinity(0))
        if len(cores) < 2:
            raise SystemExit("the benchmark needs two cores: one for Envoy, one for the load")
        self.envoy = {cores[0]}
        self.load = {cores[1]}
        # A service has a core of its own if there is one, otherwise it shares Envoy's: the load must not wait for it.
        self.services = {cores[2]} if len(cores) > 2 else self.envoy
        # With two cores the second worker shares one with the load: CPU time per request stays
        # comparable, throughput does not.
        self.two_workers = {cores[0], cores[2]} if len(cores) > 2 else set(cores)

    def for_workers(self, workers):
        """Envoy's cores."""
        return self.envoy if workers == 1 else self.two_workers


def pinned(cores):
    """For Popen's preexec_fn."""
    return lambda: os.sched_setaffinity(0, cores)


def model():
    """The processor's name."""
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        for line in file:
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return "unknown"
