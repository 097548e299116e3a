"""Envoy's memory over millions of new tokens."""

import cpu
import extras
from load import Load

# Tokens are signed ahead, so they come again after this many: long after the cache has dropped them.
CYCLE = extras.TOKENS - 1
STEP = 500_000
MISSES = r"alb_authn\.token_cache\.miss$"


def watch(bench, show, requests):
    """Prints the resident memory of an Envoy with one worker after each step of `requests`."""
    with bench.start({"ours": extras.ours(bench)}) as envoy:
        for sent in range(STEP, requests + 1, STEP):
            bench.wrk.run(envoy.ports["ours"], Load("0.8k", 1, STEP, CYCLE))
            misses = sum(envoy.stats(MISSES).values())
            show(f"{sent:,} requests: {cpu.memory_bytes(envoy.pid) / 2**20:.1f} MiB")
        if misses < requests:
            raise RuntimeError(f"only {misses:,} of {requests:,} tokens were new to the cache")
