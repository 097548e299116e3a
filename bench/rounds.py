"""The interleaved rounds: each case once in every round, CPU time taken around its load."""

from collections import defaultdict
from dataclasses import dataclass

import cpu
from load import Load


@dataclass(frozen=True)
class Sample:
    """One case in one round. `cpu_us` is CPU time per request of all processes that serve it: Envoy's, and its service's,
    whose part is `service_us`."""

    cpu_us: float
    service_us: float
    per_second: float
    p50_us: int
    p99_us: int


class Rounds:
    """Runs cases against one Envoy. Line 0 of each pool is the repeated token; the others are sent to a
    listener once at most, or its cache would count.

    `service_of` returns the ids of the processes of a case's service."""

    def __init__(self, envoy, wrk, listener_of, service_of=lambda case: ()):
        self._envoy, self._wrk, self._listener_of = envoy, wrk, listener_of
        self._service_of = service_of
        self._next_line = defaultdict(lambda: 1)

    def load_of(self, case, requests):
        """The next tokens for a case, and its listener."""
        listener = self._listener_of[case.filter]
        first, cycle = 0, 1
        if not case.repeated:
            first, cycle = self._next_line[listener, case.pool], requests
            self._next_line[listener, case.pool] += requests
        return listener, Load(case.pool, first, requests, cycle, case.head)

    def run(self, case, requests):
        """Sends one load, and makes sure that each request got the answer that the case is about."""
        listener, load = self.load_of(case, requests)
        answers, used = self._envoy.answers(listener), self._used(case)
        result = self._wrk.run(self._envoy.ports[listener], load)
        envoy_used, service_used = (after - before for after, before in zip(self._used(case), used))
        expected = "4" if case.refused else "2"
        seen = self._envoy.answers(listener)
        wrong = {c: n - answers[c] for c, n in seen.items() if c != expected and n != answers[c]}
        if wrong or result.errors or not result.requests:
            raise RuntimeError(
                f"{case.label}: answers by class {wrong}, {result.errors} errors, "
                f"{result.requests} requests\n{self._envoy.log()[-2000:]}"
            )
        return Sample(
            (envoy_used + service_used) / result.requests * 1e6,
            service_used / result.requests * 1e6,
            result.requests / result.seconds,
            result.p50_us,
            result.p99_us,
        )

    def _used(self, case):
        """CPU seconds of Envoy and of the case's service until now."""
        return cpu.seconds(self._envoy.pid), sum(map(cpu.seconds, self._service_of(case)))


def lines_needed(cases, rounds, requests_of):
    """How many lines each pool must have."""
    needed = defaultdict(lambda: defaultdict(lambda: 1))
    for case in cases:
        per_round = 0 if case.repeated else requests_of(case)
        needed[case.pool][case.filter] += per_round * rounds
    return {pool: max(by_filter.values()) for pool, by_filter in needed.items()}
