"""Envoy's memory over millions of new tokens."""

import cpu
import extras
from load import Load

# Tokens are signed ahead, so they come again after this many: long after the cache has dropped them.
CYCLE = extras.TOKENS - 1
# Whole cycles, and few enough for one run of wrk, however slow the machine.
STEP = 5 * CYCLE
STEPS_SHOWN = 5
MISSES = r"alb_authn\.token_cache\.miss$"


def watch(bench, show, requests):
    """Prints the resident memory of an Envoy with one worker, now and then, over at least so many requests."""
    steps = -(-requests // STEP)
    with bench.start({"ours": extras.ours(bench)}) as envoy:
        for step in range(1, steps + 1):
            bench.wrk.run(envoy.ports["ours"], Load("0.8k", 1, STEP, CYCLE))
            if step % STEPS_SHOWN == 0 or step == steps:
                show(f"{step * STEP:,} requests: {cpu.memory_bytes(envoy.pid) / 2**20:.1f} MiB")
        misses = sum(envoy.stats(MISSES).values())
        if misses != steps * STEP:
            raise RuntimeError(f"only {misses:,} of {steps * STEP:,} tokens were new to the cache")
