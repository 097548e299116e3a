"""What grows or changes while a gateway runs: configuration updates, cold starts under load, a rolling restart."""

import json
import os
import socket
import time
from dataclasses import dataclass
from pathlib import Path

import cases
import cpu
import extras
import listeners
import pace
from envoy import Envoy
from load import Load

UPDATES = 100
UPDATE_LOADS, UPDATE_REQUESTS = 3, 2000
COLD_RATE, COLD_REQUESTS, COLD_CONNECTIONS = 1000, 2000, 900
DELAYS_MS = (20, 500)
RESTART_RATE, RESTART_REQUESTS = 200, 4000
WAIT_SECONDS = 30


def measure(bench, show):
    """All of it, for the run's JSON."""
    show("configuration updates, cold starts under load, a rolling restart")
    kinds = {"no-op": cases.Filter("calls"), "ours": extras.ours(bench)}
    return {
        "updates": {kind: updates(bench, filter_) for kind, filter_ in kinds.items()},
        "cold_starts": [cold_start(bench, delay, access) for delay in DELAYS_MS for access in (False, True)],
        "rolling_restart": rolling_restart(bench),
    }


def await_that(what, condition):
    """Waits until a condition is met."""
    deadline = time.monotonic() + WAIT_SECONDS
    while not condition():
        if time.monotonic() > deadline:
            raise RuntimeError(f"not within {WAIT_SECONDS} s: {what}")
        time.sleep(0.01)


class Updated:
    """A listener that Envoy reads from a file, whose filter's configuration changes with each update."""

    def __init__(self, bench, filter_):
        self._bench, self._filter = bench, filter_
        self._file = bench.folder / "listeners.json"
        self._number = 0
        self._write()
        bootstrap = listeners.bootstrap({}, bench.keys.port)
        bootstrap["dynamic_resources"] = {"lds_config": {"path_config_source": {"path": str(self._file)}}}
        self.envoy = Envoy(bench.options.envoy, bench.folder, bootstrap, bench.cores.envoy)

    def update(self):
        """Changes the configuration; returns when Envoy has it and has ended what it had before."""
        self._number += 1
        self._write()
        await_that("update", lambda: self._stat("listener_manager.lds.update_success") > self._number)
        await_that("drain", lambda: not self._stat("listener_manager.total_filter_chains_draining"))

    def _stat(self, name):
        return self.envoy.stats(f"^{name}$")[name]

    def _write(self):
        chain = cases.http_filters("ours", self._filter, self._bench.parts())
        if self._filter.kind == "ours":
            value = chain[0]["typed_config"]["config"]["configuration"]
            configuration = json.loads(value["value"])
            configuration["loadBalancers"][0]["clientIds"].append(f"client-{self._number}")
            value["value"] = json.dumps(configuration)
        else:
            # It reads its configuration as host calls to make, and ignores what it does not know.
            chain[0]["typed_config"]["config"]["configuration"]["value"] = " " * self._number
        resource = {"@type": "type.googleapis.com/envoy.config.listener.v3.Listener"}
        resource |= listeners.listener("ours", chain)
        text = json.dumps({"version_info": str(self._number), "resources": [resource]})
        # Envoy watches for a file that is moved there.
        new = self._file.with_suffix(".new")
        new.write_text(text, encoding="utf-8")
        os.replace(new, self._file)


def updates(bench, filter_):
    """Memory (bytes) and CPU time per new token (µs) before and after many updates, and what one update takes (ms)."""
    updated = Updated(bench, filter_)
    with updated.envoy as envoy:
        before = state(bench, envoy, 0)
        used, started = cpu.seconds(envoy.pid), time.monotonic()
        for _ in range(UPDATES):
            updated.update()
        used, taken = cpu.seconds(envoy.pid) - used, time.monotonic() - started
        return {
            "before": before,
            "after": state(bench, envoy, UPDATE_LOADS),
            "update_cpu_ms": used / UPDATES * 1000,
            "update_ms": taken / UPDATES * 1000,
        }


def state(bench, envoy, first_load):
    """Memory and cost, with loads that were not sent before."""
    costs = []
    for number in range(first_load, first_load + UPDATE_LOADS):
        before = cpu.seconds(envoy.pid)
        load = Load("0.8k", 1 + number * UPDATE_REQUESTS, UPDATE_REQUESTS, UPDATE_REQUESTS)
        bench.wrk.run(envoy.ports["ours"], load)
        costs.append((cpu.seconds(envoy.pid) - before) / UPDATE_REQUESTS * 1e6)
    return {"memory": cpu.memory_bytes(envoy.pid), "cpu_us": min(costs)}


def cold_start(bench, delay_ms, access):
    """A gateway without a key gets all its load at once, while the endpoint takes its time: when the first and the last
    waiter is served, in ms since the first request, and how many requests got which status."""
    pool = "access-5000" if access else "0.8k"
    with bench.start({"ours": extras.ours(bench, access=access)}) as envoy:
        bench.keys.delay = delay_ms / 1000
        load = Load(pool, 1, COLD_REQUESTS, COLD_REQUESTS)
        taken = bench.pacer.run(envoy.ports["ours"], load, COLD_RATE, COLD_CONNECTIONS)
        bench.keys.delay = 0
    served = min(answer.due_us + answer.taken_us for answer in taken)
    waiters = [answer for answer in taken if answer.due_us < served]
    return {
        "delay_ms": delay_ms,
        "access": access,
        "waiters": len(waiters),
        "first_ms": served / 1000,
        "last_ms": max(answer.due_us + answer.taken_us for answer in waiters) / 1000,
        "statuses": pace.statuses(taken),
    }


@dataclass
class Gateway:
    """One of two gateways, on a port of its own that stays the same."""

    bench: object
    folder: Path
    port: int
    envoy: Envoy = None

    def start(self):
        """Starts it, with empty caches."""
        chain = [health_check(), *cases.http_filters("ours", extras.ours(self.bench), self.bench.parts())]
        bootstrap = listeners.bootstrap({"ours": chain}, self.bench.keys.port)
        bootstrap["static_resources"]["listeners"][0]["address"] = listeners.address(self.port)
        self.folder.mkdir(exist_ok=True)
        self.envoy = Envoy(self.bench.options.envoy, self.folder, bootstrap, self.bench.cores.envoy)

    def drain(self):
        """Fails its health checks, as a pod does before it ends."""
        self.envoy.admin("/healthcheck/fail", method="POST")


def rolling_restart(bench):
    """Two gateways behind a balancer are restarted in turn under load: how many requests got which status."""
    gateways = [Gateway(bench, bench.folder / f"gateway-{number}", port) for number, port in enumerate(free_ports(2))]
    try:
        for gateway in gateways:
            gateway.start()
        with balancer(bench, gateways) as front:
            await_healthy(front, 2)
            load = Load("0.8k", 1, RESTART_REQUESTS, RESTART_REQUESTS)
            with bench.pacer.start(front.ports["front"], load, RESTART_RATE) as sender:
                for gateway in gateways:
                    gateway.drain()
                    await_checks(front)
                    await_healthy(front, 1)
                    await_idle(gateway)
                    gateway.envoy.close()
                    gateway.start()
                    await_healthy(front, 2)
                if sender.poll() is not None:
                    raise RuntimeError("the load ended before the restart")
                return {"statuses": pace.statuses(pace.answers(sender))}
    finally:
        for gateway in gateways:
            if gateway.envoy:
                gateway.envoy.close()


def await_healthy(front, count):
    """Waits until the balancer sends requests to so many gateways."""
    name = "cluster.gateways.membership_healthy"
    await_that(f"{count} gateways are healthy", lambda: front.stats(f"^{name}$")[name] == count)


def await_checks(front):
    """Waits for some health checks of each gateway: the response to one may be under way when a gateway begins to fail
    them."""
    name = "cluster.gateways.health_check.attempt"
    before = front.stats(f"^{name}$")[name]
    await_that("health checks", lambda: front.stats(f"^{name}$")[name] > before + 6)


def await_idle(gateway):
    """Waits until a gateway has answered what it has got."""
    name = "http.ours.downstream_rq_active"
    await_that("a gateway is idle", lambda: not gateway.envoy.stats(f"^{name}$")[name])


def health_check():
    """The filter that answers the balancer."""
    path = {"name": ":path", "string_match": {"exact": "/healthz"}}
    kind = f"{listeners.TYPES}.http.health_check.v3.HealthCheck"
    config = {"@type": kind, "pass_through_mode": False, "headers": [path]}
    return {"name": "envoy.filters.http.health_check", "typed_config": config}


def balancer(bench, gateways):
    """An Envoy in the load balancer's place: sends requests to the gateways whose health checks succeed."""
    bootstrap = listeners.bootstrap({}, bench.keys.port)
    to_gateways = {"match": {"prefix": "/"}, "route": {"cluster": "gateways"}}
    cluster = listeners.cluster("gateways", gateways[0].port)
    endpoints = [{"endpoint": {"address": listeners.address(gateway.port)}} for gateway in gateways]
    cluster["load_assignment"]["endpoints"] = [{"lb_endpoints": endpoints}]
    cluster["health_checks"] = [
        {
            "timeout": "1s",
            "interval": "0.1s",
            "no_traffic_interval": "0.1s",
            "unhealthy_threshold": 1,
            "healthy_threshold": 1,
            "http_health_check": {"path": "/healthz"},
        }
    ]
    # Without a healthy gateway a request fails, instead of reaching one that drains.
    # Envoy would otherwise tell its workers of a second change only a second after the first one.
    cluster["common_lb_config"] = {"healthy_panic_threshold": {"value": 0}, "update_merge_window": "0s"}
    bootstrap["static_resources"]["listeners"] = [listeners.listener("front", [], [to_gateways])]
    bootstrap["static_resources"]["clusters"].append(cluster)
    folder = bench.folder / "front"
    folder.mkdir(exist_ok=True)
    return Envoy(bench.options.envoy, folder, bootstrap, bench.cores.envoy)


def free_ports(count):
    """Ports that nobody listens on."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports
