"""Envoy's memory over millions of new tokens."""

import cpu
import extras
from load import Load

# Tokens are signed ahead, so they come again after this many: long after the cache has dropped them.
CYCLE = extras.TOKENS - 1
# Few enough for one run of wrk, however slow the machine.
STEP = 100_000
SHOWN = 500_000
MISSES = r"alb_authn\.token_cache\.miss$"


def watch(bench, show, requests):
    """Prints the resident memory of an Envoy with one worker, now and then, over so many requests."""
    with bench.start({"ours": extras.ours(bench)}) as envoy:
        for sent in range(STEP, requests + 1, STEP):
            bench.wrk.run(envoy.ports["ours"], Load("0.8k", 1, STEP, CYCLE))
            misses = sum(envoy.stats(MISSES).values())
            if sent % SHOWN == 0:
                show(f"{sent:,} requests: {cpu.memory_bytes(envoy.pid) / 2**20:.1f} MiB")
        if misses < requests:
            raise RuntimeError(f"only {misses:,} of {requests:,} tokens were new to the cache")
