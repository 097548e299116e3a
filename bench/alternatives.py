"""Measures the filter next to what users would pick instead: `python3 bench/alternatives.py --help`.

`make bench-alternatives` builds what it needs and calls it.
"""

import argparse
import http.client
import json
import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from statistics import median

sys.path.append(str(Path(__file__).resolve().parents[1] / "crates" / "alb-fixtures" / "python"))

import cases
import cpu
import listeners
import pace
import publish
import services
from alb_fixtures import KeyEndpoint
from cases import CHEAP, JWT, JWT_CACHED, NONE, OURS, Case, Filter
from envoy import Envoy
from load import HEADERS, OAUTH2_PROXY, Requests, Wrk
from machine import described, show
from rounds import Rounds, lines_needed
from summary import figures
from tokens import Pools

# Requests a second at which response times are compared: less than half of what the slowest alternative can do on one
# core.
RATE = 400
PACED_REQUESTS = 1200
SERVED = 3000
WARM_UP = 1000
IDENTITY_PATH = "/identity"
USER = "alice@example.com"
SESSIONS = "sessions"


def asks(service):
    """The filter that asks a service."""
    return Filter("ext_authz", service=service)


def with_service(service, **fields):
    """A service's two cases."""
    common = {"filter": asks(service), "requests": SERVED} | fields
    return (
        Case(f"{service}, new", ("new",), **common),
        Case(f"{service}, repeated", ("repeated",), repeated=True, **common),
    )


BASELINES = (
    Case("none", (), NONE, repeated=True, requests=CHEAP),
    Case(f"none, {OAUTH2_PROXY}", (), NONE, SESSIONS, repeated=True, requests=CHEAP, head=OAUTH2_PROXY),
)
CASES = (
    Case("ours, new", ("new",), OURS),
    Case("ours, repeated", ("repeated",), OURS, repeated=True, requests=CHEAP),
    Case("jwt_authn, new", ("new",), JWT),
    # With its cache only if tokens come again: it would cost otherwise.
    Case("jwt_authn, repeated", ("repeated",), JWT_CACHED, repeated=True, requests=CHEAP),
    Case("lua, new", ("new",), Filter("lua")),
    Case("lua, repeated", ("repeated",), Filter("lua"), repeated=True),
    *with_service(services.OAUTH2_PROXY, pool=SESSIONS, head=OAUTH2_PROXY),
    *with_service(services.AWS_JWT_VERIFY),
    *with_service(services.PYJWT),
)


def arguments():
    """The command line."""
    parser = argparse.ArgumentParser(description="What a request costs with the filter, and with what users would pick instead.")
    parser.add_argument("--envoy", type=Path, required=True)
    parser.add_argument("--module", type=Path, required=True)
    parser.add_argument("--signer", type=Path, required=True, help="the program of bench/tokens")
    parser.add_argument("--pacer", type=Path, required=True, help="the program of bench/pace")
    parser.add_argument("--programs", type=Path, required=True, help="where the services are installed")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--quick", action="store_true", help="two short rounds")
    parser.add_argument("--json", type=Path, help="where the figures go")
    parser.add_argument("--docs", type=Path, help="the folder whose figures, page and pictures are renewed")
    return parser.parse_args()


class Comparison:
    """One run."""

    def __init__(self, options, folder):
        self.options, self.folder, self.cores = options, Path(folder), cpu.Cores()
        self.rounds = 2 if options.quick else options.rounds
        ours = replace(OURS, module=str(options.module))
        self.cases = [*BASELINES, *(replace(c, filter=ours) if c.filter == OURS else c for c in CASES)]
        self.keys = KeyEndpoint(lambda name: self.pools.served(name))
        # Each round sends a case's requests twice: as fast as Envoy takes them, and paced. The round before only warms up.
        counts = lines_needed(self.cases, self.rounds + 1, lambda case: self.requests_of(case) + self.paced_requests)
        session_count = counts.pop(SESSIONS)
        show(f"signing {sum(counts.values())} tokens and {session_count} sessions")
        self.pools = Pools(options.signer, folder, counts)
        self.pools.add(SESSIONS, services.sessions(options.programs.resolve(), session_count))
        requests = Requests(self.pools, folder)
        self.wrk = Wrk(requests, self.cores.load)
        self.pacer = pace.Pacer(options.pacer, requests, self.cores.load)

    @property
    def paced_requests(self):
        """How many requests of a case a round sends at the fixed rate."""
        return PACED_REQUESTS // (4 if self.options.quick else 1)

    def requests_of(self, case):
        """How many requests of a case a round sends as fast as Envoy takes them."""
        return case.requests // (5 if self.options.quick else 1)

    def measure(self):
        """All rounds; figures by case."""
        names = {case.filter: f"l{i}" for i, case in enumerate(self.cases)}
        placed = self.options.programs, self.folder, self.cores.services, self.keys.port
        with services.Services(*placed) as running, self.start(names, running.ports()) as envoy:

            def service_of(case):
                return running.processes(case.filter.service) if case.filter.service else ()

            for case in self.cases:
                check(case, envoy.ports[names[case.filter]], self.pools)
            runner = Rounds(envoy, self.wrk, names, service_of)
            for case in self.cases:
                runner.run(case, min(WARM_UP, self.requests_of(case)))
            samples = {case: [] for case in self.cases}
            paced = {case: [] for case in self.cases}
            for number in range(self.rounds):
                show(f"round {number + 1} of {self.rounds}")
                for case in self.cases:
                    samples[case].append(runner.run(case, self.requests_of(case)))
                    paced[case].append(self.at_fixed_rate(runner, envoy, case))
        by_name = {case.name: taken for case, taken in samples.items()}
        return {
            case.name: figures(samples[case], by_name[case.baseline]) | latencies(paced[case])
            for case in self.cases
        }

    def start(self, names, services_ports):
        """An Envoy with a listener for each filter."""
        chains = {name: self.http_filters(name, filter_) for filter_, name in names.items()}
        shown = [listeners.identity_route(f"{IDENTITY_PATH}/{h}", h) for h in identity_headers()]
        bootstrap = listeners.bootstrap(chains, self.keys.port, services_ports, dict.fromkeys(chains, shown))
        return Envoy(self.options.envoy, self.folder, bootstrap, self.cores.envoy)

    def http_filters(self, name, filter_):
        """A listener's filters."""
        if filter_.service:
            kind = services.KINDS[filter_.service]
            return [listeners.ext_authz(filter_.service, kind.sent, kind.identity)]
        return cases.http_filters(name, filter_, cases.Parts(jwks=self.pools.jwks()))

    def at_fixed_rate(self, runner, envoy, case):
        """The p50 and p99 (µs) of a case's requests at the fixed rate."""
        listener, load = runner.load_of(case, self.paced_requests)
        taken = self.pacer.run(envoy.ports[listener], load, RATE)
        if pace.statuses(taken) != {200: load.count}:
            raise RuntimeError(f"{case.name}: {pace.statuses(taken)} at {RATE} requests a second")
        return pace.percentile_us(taken, 50), pace.percentile_us(taken, 99)


def latencies(taken):
    """Of all rounds, the medians."""
    p50, p99 = zip(*taken)
    return {"paced_p50_us": median(p50), "paced_p99_us": median(p99)}


def identity_headers():
    """Headers with the user's e-mail address, by filter or service."""
    return sorted({kind.identity for kind in services.KINDS.values()} | {"kubeflow-userid"})


def check(case, port, pools):
    """What is compared must do its work: write who the user is, and reject who is nobody. Lua and no filter don't."""
    if case.filter.kind == "none":
        return
    service = services.KINDS.get(case.filter.service)
    header = service.identity if service else "kubeflow-userid"
    good = pools.first(case.pool)
    status, shown = identity(port, header, case, good)
    expected = "user-0000000@example.com" if case.pool == SESSIONS else USER
    if (status, shown) != (200, expected):
        raise RuntimeError(f"{case.name}: a good token was answered with {status}, its user is {shown}")
    middle = len(good) // 2
    changed = good[:middle] + ("A" if good[middle] != "A" else "B") + good[middle + 1 :]
    status, _ = identity(port, header, case, changed)
    if case.filter.kind != "lua" and status not in (401, 403):
        raise RuntimeError(f"{case.name}: a changed token was answered with {status}")


def identity(port, header, case, token):
    """The status of a request and, as it leaves the filters, a header of it."""
    headers = dict(HEADERS)
    if case.head == OAUTH2_PROXY:
        headers["Cookie"] = f"_oauth2_proxy={token}"
    else:
        headers["x-amzn-oidc-data"] = token
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    connection.request("GET", f"{IDENTITY_PATH}/{header}", headers=headers)
    response = connection.getresponse()
    response.read()
    connection.close()
    return response.status, response.headers.get("x-shown")


def main():
    """Measures, prints, writes."""
    options = arguments()
    with tempfile.TemporaryDirectory(prefix="alb-authn-bench-") as folder:
        comparison = Comparison(options, folder)
        results = comparison.measure()
    run = {
        "machine": described(options.envoy),
        "rounds": comparison.rounds,
        "rate": RATE,
        "cases": results,
    }
    publish.finish(run, publish.ALTERNATIVES, options.json, options.docs)


if __name__ == "__main__":
    main()
