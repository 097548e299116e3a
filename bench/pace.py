"""Sends requests at a fixed rate (the program in pace/), and tells what the responses took."""

import subprocess
from dataclasses import dataclass

from cpu import pinned

TIME_LIMIT_SECONDS = 120


@dataclass(frozen=True)
class Answer:
    """What one request got. `due_us` is the time since the first one was due; `status` 0: no response."""

    due_us: int
    taken_us: int
    status: int


class Pacer:
    """Runs the program."""

    def __init__(self, program, requests, cores):
        self._program, self._requests, self._cores = program, requests, cores

    def run(self, port, load, rate, connections=8):
        """Sends a load at `rate` requests a second; the answers, in order of when their requests were due."""
        with self.start(port, load, rate, connections) as process:
            return answers(process)

    def start(self, port, load, rate, connections=8):
        """The process that sends a load, for `answers`."""
        command = [str(self._program), f"127.0.0.1:{port}"]
        command += [*self._requests.arguments(load, load.count, connections), str(rate)]
        return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, preexec_fn=pinned(self._cores))


def answers(process):
    """Awaits the process's end."""
    printed, _ = process.communicate(timeout=TIME_LIMIT_SECONDS)
    if process.returncode:
        raise RuntimeError("the sender of requests failed")
    return [Answer(*map(int, line.split())) for line in printed.splitlines()]


def percentile_us(taken, percent):
    """The response time that so many percent of the requests did not exceed."""
    ordered = sorted(answer.taken_us for answer in taken)
    return ordered[max(0, -(-len(ordered) * percent // 100) - 1)]


def statuses(taken):
    """How many requests got each status."""
    seen = [answer.status for answer in taken]
    return {status: seen.count(status) for status in sorted(set(seen))}
