"""What is no cost per request: memory, loading time, the wait for a cold key, a second worker."""

import gzip
import http.client
import re
import time
from pathlib import Path
from statistics import median

import cases
import cpu
from load import HEADERS, Load

# One pool serves all of these.
TOKENS = 20000
COLD_KEYS = 40
KEY_DELAY_SECONDS = 0.02
STARTS = 3
# Of 5,000 users, each with an access token: enough requests for all to have come, and then those that count.
ACCESS_TOKENS, ACCESS_COUNTED = 40000, 10000


def measure(bench, show):
    """All of it, for the run's JSON."""
    show("memory, loading time, cold keys, two workers")
    load_ms = loading(bench)
    return {
        "module_gzip_bytes": len(gzip.compress(Path(bench.module).read_bytes(), 9)),
        "load_ms": load_ms,
        "memory": {
            str(workers): {kind: memory(bench, filter_, workers) for kind, filter_ in kinds(bench).items()}
            for workers in (1, 2)
        },
        "two_workers": two_workers(bench),
        "cold_key_ms": cold_key(bench),
    } | ({} if bench.options.quick else {"access_token_hits": access_token_hits(bench)})


def ours(bench, **fields):
    """The filter as it is by default."""
    return cases.Filter("ours", module=bench.module, **fields)


def kinds(bench):
    """What memory is compared for."""
    return {"none": cases.Filter("none"), "no-op": cases.Filter("calls"), "ours": ours(bench)}


def get(port, token):
    """Sends one request, awaits its answer; the seconds that it took."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    connection.connect()
    started = time.perf_counter()
    headers = dict(HEADERS) | {"x-amzn-oidc-data": token}
    connection.request("GET", "/pipeline/", headers=headers)
    status = connection.getresponse().status
    taken = time.perf_counter() - started
    connection.close()
    if status != 200:
        raise RuntimeError(f"a good token was answered with {status}")
    return taken


def calls_of_a_repeated_token(bench):
    """The host calls that alb-authn makes for one, by Envoy's trace."""
    token = bench.pools.first("0.8k")
    with bench.start({"ours": ours(bench)}, log_level="trace") as envoy:
        for _ in range(2):
            get(envoy.ports["ours"], token)
        before = len(envoy.log())
        get(envoy.ports["ours"], token)
        traced = envoy.log()[before:]
    # The calls of the request's own callback; what a timer does between requests is not its.
    callback = re.search(r"->vm\] proxy_on_request_headers(.*?)<-vm\] proxy_on_request_headers", traced, re.S)
    return re.findall(r"\[vm->host\] env\.(proxy_\w+)", callback.group(1))


def loading(bench):
    """What the filter adds to Envoy's start, in milliseconds of CPU time: compiling above all."""

    def start(filter_):
        with bench.start({"one": filter_}) as envoy:
            return cpu.seconds(envoy.pid) * 1000

    taken = {
        kind: min(start(filter_) for _ in range(STARTS)) for kind, filter_ in kinds(bench).items()
    }
    return {kind: taken[kind] - taken["none"] for kind in ("no-op", "ours")}


def memory(bench, filter_, workers):
    """Resident bytes after many new tokens: the median of some Envoys, since what compiling leaves behind differs."""

    def after_load():
        with bench.start({"one": filter_}, workers) as envoy:
            count = TOKENS // 10 if bench.options.quick else TOKENS - 1
            bench.wrk.run(envoy.ports["one"], Load("0.8k", 1, count, count))
            return cpu.memory_bytes(envoy.pid)

    return median(after_load() for _ in range(STARTS))


def two_workers(bench):
    """CPU time per request (µs) for new tokens with two workers."""
    filters = kinds(bench) | {"jwt_authn": cases.Filter("jwt_authn", cached=False)}
    taken = {name: [] for name in filters}
    count = (TOKENS - 1) // (bench.rounds + 1)
    with bench.start(filters, workers=2) as envoy:
        for number in range(bench.rounds + 1):
            for name in filters:
                before = cpu.seconds(envoy.pid)
                load = Load("0.8k", 1 + number * count, count, count)
                bench.wrk.run(envoy.ports[name], load)
                taken[name].append((cpu.seconds(envoy.pid) - before) / count * 1e6)
    # The first round only warms up.
    added = {name: min(values[1:]) - min(taken["none"][1:]) for name, values in taken.items()}
    return {name: value for name, value in added.items() if name != "none"}


def cold_key(bench):
    """What a request that must fetch its key takes above the endpoint's own time and a warm request's."""
    bench.keys.delay = KEY_DELAY_SECONDS
    tokens = [bench.pools.at("cold", number) for number in range(COLD_KEYS)]
    with bench.start({"ours": ours(bench)}) as envoy:
        port = envoy.ports["ours"]
        get(port, tokens[0])
        cold = [get(port, token) for token in tokens[1:]]
        warm = [get(port, token) for token in tokens[1:]]
    endpoint = [ask_endpoint(bench.keys.port) for _ in tokens]
    bench.keys.delay = 0
    return {
        "endpoint": median(endpoint) * 1000,
        "cold": median(cold) * 1000,
        "warm": median(warm) * 1000,
    }


def access_token_hits(bench):
    """The share of 5,000 users' access tokens that the cache has, at its default size. Each user's token is new."""
    hits = "wasmcustom.alb_authn.token_cache.hit"
    with bench.start({"ours": ours(bench, access=True)}) as envoy:
        warm = ACCESS_TOKENS - ACCESS_COUNTED - 1
        bench.wrk.run(envoy.ports["ours"], Load("access-5000", 1, warm, warm))
        before = envoy.stats(f"^{hits}$")[hits]
        load = Load("access-5000", 1 + warm, ACCESS_COUNTED, ACCESS_COUNTED)
        bench.wrk.run(envoy.ports["ours"], load)
        return (envoy.stats(f"^{hits}$")[hits] - before) / ACCESS_COUNTED


def ask_endpoint(port):
    """The endpoint's own time, asked without Envoy."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    connection.connect()
    started = time.perf_counter()
    connection.request("GET", "/any")
    connection.getresponse().read()
    taken = time.perf_counter() - started
    connection.close()
    return taken
