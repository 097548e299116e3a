"""Runs the benchmark: `python3 bench/run.py --help`. `make bench` builds what it needs and calls it."""

import argparse
import json
import sys
import tempfile
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parents[1] / "crates" / "alb-fixtures" / "python"))

import cases
import cpu
import endurance
import extras
import growth
import listeners
import publish
from alb_fixtures import KeyEndpoint
from envoy import Envoy
from load import Requests, Wrk
from machine import described, show
from pace import Pacer
from rounds import Rounds, lines_needed
from summary import figures
from tokens import Pools

WARM_UP = 1500
QUICK_CASES = ["new", "repeated"]


def arguments():
    """The command line."""
    parser = argparse.ArgumentParser(description="What a request costs, filter by filter.")
    parser.add_argument("--envoy", type=Path, required=True)
    parser.add_argument("--module", action="append", required=True, metavar="[LABEL=]PATH")
    parser.add_argument("--helper", type=Path, required=True, help="the module of bench/filters")
    parser.add_argument("--helper-all-exports", type=Path, required=True, help="as the SDK makes it")
    parser.add_argument("--signer", type=Path, required=True, help="the program of bench/tokens")
    parser.add_argument("--pacer", type=Path, required=True, help="the program of bench/pace")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--quick", action="store_true", help="two short rounds of a few cases")
    parser.add_argument("--only", action="append", help=f"a case's name, or one of {cases.GROUPS}")
    parser.add_argument("--endurance", type=int, metavar="REQUESTS", help="watch memory over so many, and end")
    parser.add_argument("--json", type=Path, help="where the figures go")
    parser.add_argument("--docs", type=Path, help="the folder whose figures, page and pictures are renewed")
    return parser.parse_args()


def modules_of(texts):
    """LABEL → path."""
    pairs = (text.rpartition("=") for text in texts)
    return {label: path for label, _, path in pairs}


class Bench:
    """One run: its programs, its folder, its figures."""

    def __init__(self, options, folder):
        self.options, self.folder, self.cores = options, Path(folder), cpu.Cores()
        self.modules = modules_of(options.module)
        self.module = next(iter(self.modules.values()))
        self.rounds = 2 if options.quick else options.rounds
        only = options.only or (QUICK_CASES if options.quick else None)
        self.cases = cases.chosen(only, self.modules)
        # One key, under every key id.
        self.keys = KeyEndpoint(lambda name: self.pools.served(name))
        counts = lines_needed(self.cases, self.rounds + 1, self.requests_of)
        counts["0.8k"] = max(counts.get("0.8k", 0), extras.TOKENS)
        counts["cold"] = extras.COLD_KEYS
        if not options.only and not options.quick:
            counts["access-5000"] = extras.ACCESS_TOKENS
        show(f"signing {sum(counts.values())} tokens")
        self.pools = Pools(options.signer, folder, counts)
        requests = Requests(self.pools, folder)
        self.wrk = Wrk(requests, self.cores.load)
        self.pacer = Pacer(options.pacer, requests, self.cores.load)

    def requests_of(self, case):
        """How many requests of a case a round sends."""
        return case.requests // 5 if self.options.quick else case.requests

    def parts(self, calls=()):
        """What filters are made of."""
        helpers = self.options.helper, self.options.helper_all_exports
        return cases.Parts(*helpers, tuple(calls), self.pools.jwks())

    def start(self, filters, workers=1, log_level="info", calls=()):
        """An Envoy with a listener for each of the named filters."""
        chains = {
            name: cases.http_filters(name, filter_, self.parts(calls))
            for name, filter_ in filters.items()
        }
        routes = {name: listeners.other_routes(filter_.routes - 1) for name, filter_ in filters.items()}
        bootstrap = listeners.bootstrap(chains, self.keys.port, routes=routes)
        cores = self.cores.for_workers(workers)
        return Envoy(self.options.envoy, self.folder, bootstrap, cores, workers, log_level)

    def measure(self):
        """All rounds; figures by case."""
        calls = extras.calls_of_a_repeated_token(self)
        show(f"host calls of a repeated token: {', '.join(calls)}")
        names = {case.filter: f"l{i}" for i, case in enumerate(self.cases)}
        filters = {name: filter_ for filter_, name in names.items()}
        samples = {case: [] for case in self.cases}
        with self.start(filters, calls=calls) as envoy:
            runner = Rounds(envoy, self.wrk, names)
            for case in self.cases:
                runner.run(case, min(WARM_UP, self.requests_of(case)))
            for number in range(self.rounds):
                show(f"round {number + 1} of {self.rounds}")
                for case in self.cases:
                    samples[case].append(runner.run(case, self.requests_of(case)))
        named = {case.name: taken for case, taken in samples.items()}
        results = {
            case.label: figures(taken, named[case.baseline]) for case, taken in samples.items()
        }
        return results, calls


def main():
    """Measures, prints, writes."""
    options = arguments()
    with tempfile.TemporaryDirectory(prefix="alb-authn-bench-") as folder:
        bench = Bench(options, folder)
        if options.endurance:
            endurance.watch(bench, show, options.endurance)
            return
        results, calls = bench.measure()
        run = {
            "machine": described(options.envoy),
            "rounds": bench.rounds,
            "calls": calls,
            "cases": results,
            "module_bytes": Path(bench.module).stat().st_size,
        }
        if not options.only:
            run |= extras.measure(bench, show)
            if not options.quick:
                run["growth"] = growth.measure(bench, show)
    publish.finish(run, publish.BENCHMARKS, options.json, options.docs)


if __name__ == "__main__":
    main()
