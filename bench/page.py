"""docs/benchmarks.md: tables of ratios, from the runs' JSON and the notes beside this file."""

from pathlib import Path

import alternatives_page
import growth_page
from cases import CASES
from goals import goals
from markdown import table, times
from summary import ratio

NOTES = Path(__file__).with_name("levers.md")

# Group, its heading, the case that stands for 1, and what to know.
SECTIONS = (
    (
        "new",
        "Each token new",
        "jwt_authn, new",
        "The usual case: the load balancer signs per request. No token comes twice, so caches only cost. "
        "`calls, verified` makes this filter's host calls and one of `verify_signature`, and nothing else: it reads no token.",
    ),
    (
        "repeated",
        "One token repeated",
        "calls",
        "`calls` is a Rust SDK filter that makes the same host calls as this filter and nothing else; in "
        "`calls, decoded` the SDK turns the headers into its own form.",
    ),
    ("wasm", "ECDSA inside Wasm", "ours, new", "`signatureBackend: wasm`, for an Envoy without `verify_signature`."),
    ("sizes", "Size of the token", "ours, new", "0.8 KB is the size of the other tables."),
    ("balancers", "Number of load balancers", "ours, new", "Tokens are signed by all of them in turn."),
    ("claims", "Number of mapped claims", "ours, new, 2k", "A token of 2 KB."),
    (
        "groups",
        "A thousand groups",
        "ours, new, 1000 groups",
        "With one load balancer, and with 64 whose prefixes each group is compared with.",
    ),
    (
        "access",
        "An access token beside the user's token",
        "ours, new, access token not read",
        "500 users, each with an access token that stays the same while the user's token is new each time.",
    ),
    ("cookie", "A 4 KB session cookie of the load balancer", "ours, new", "It is cut out of `cookie`."),
    (
        "routes",
        "Number of routes",
        "ours, new",
        "The request matches the last one. The filter clears the route cache, so Envoy looks for the route twice. Each "
        "case is less what no filter costs with as many routes.",
    ),
    ("refused", "Refusals", "ours, new", "Each with its log line's budget, counter and 401."),
)


def tables(run, alternatives=None):
    """All that was measured by `make bench` and `make bench-alternatives`, as Markdown. Either may be None."""
    parts = alternatives_page.tables(alternatives) if alternatives else []
    parts.append(goals_table(run, alternatives))
    return "\n\n".join(part for part in [*parts, *measured(run)] if part)


def measured(run):
    """The tables of `make bench`."""
    if not run:
        return []
    return [*(section(run, *each) for each in SECTIONS), two_workers(run), others(run), growth_page.section(run)]


def page(run, alternatives):
    """The whole page."""
    parts = [TITLE]
    if alternatives:
        parts.append(alternatives_page.section(alternatives))
    parts += [goals_table(run, alternatives), HOW.format(rounds=run["rounds"], **run["machine"]).rstrip(), *measured(run)]
    notes = NOTES.read_text(encoding="utf-8")
    return "\n\n".join(part for part in [*parts, notes] if part)


TITLE = """\
<!-- Written by `make bench` and `make bench-alternatives`; the part from "Where the time goes" on is bench/levers.md. -->
# Benchmarks"""

HOW = """\
## The filter next to others in Envoy

![CPU time that a filter adds to a request](benchmarks.svg)

`make bench` takes the figures from here on. One Envoy process with one worker is pinned to a core, and
[wrk](https://github.com/wg/wrk) with 8 connections to another. Each case is a listener of that process that differs in
its filter only, and answers by itself. In each of {rounds} rounds every case has its turn, so that what else happens on
the machine touches all of them alike. A request carries ten browser-like headers, a 600-byte cookie and a token.

**The figure is CPU time of the whole Envoy process per request** (`/proc/PID/task/*/schedstat`), less the same for the
listener without a filter: `min` and `median` over the rounds. Times differ by machine, so read the ratios. Throughput and
latencies are medians of what wrk saw with Envoy's core full; they include its own load.

The last run: {day}, Envoy {envoy}, {cpu}, {cores} cores, Linux {kernel}.
"""


def section(run, group, title, reference, note):
    """One table."""
    results = run["cases"]
    names = {case.name for case in CASES if group in case.groups or case.name == reference}
    # Of several modules each has its own row.
    labels = [label for label in results if label.split(" [")[0] in names]
    if len(labels) < 2:
        return ""
    head = (
        "case",
        "added, min (µs)",
        "median (µs)",
        f"× {reference}: min",
        "median",
        "requests/s",
        "p50 (µs)",
        "p99 (µs)",
    )
    return f"## {title}\n\n{note}\n\n" + table(head, [row(results, x, reference) for x in labels])


def row(results, label, reference):
    """A case's row."""
    found = results[label]
    ratios = [times(ratio(results, label, reference, f)) for f in ("added_min", "added_median")]
    figures = [f"{found[name]:.1f}" for name in ("added_min", "added_median")]
    seen = [f"{found[name]:.0f}" for name in ("per_second", "p50_us", "p99_us")]
    return [label, *figures, *ratios, *seen]


def two_workers(run):
    """The table of two workers."""
    if "two_workers" not in run:
        return ""
    added = run["two_workers"]
    rows = [[name, f"{us:.1f}", times(us / added["jwt_authn"])] for name, us in added.items()]
    return "## Two workers\n\nNew tokens. On two cores one worker shares its core with wrk.\n\n" + table(
        ("case", "added, min (µs)", "× jwt_authn"), rows
    )


def others(run):
    """What is not per request."""
    if "memory" not in run:
        return ""
    parts = ["## Size, memory, start, cold keys, cached access tokens", sizes(run), memory(run), cold(run)]
    if "access_token_hits" in run:
        parts.append(access_tokens(run))
    return "\n\n".join(parts)


def access_tokens(run):
    """How many are found in the cache."""
    share = run["access_token_hits"] * 100
    return f"Of 5,000 users' access tokens, in no order, the cache of the default size had {share:.1f} %."



def sizes(run):
    """The module."""
    load = run["load_ms"]
    return (
        f"The module has {run['module_bytes']:,} bytes ({run['module_gzip_bytes']:,} compressed by gzip). "
        f"Loading it adds {load['ours']:.0f} ms of CPU time to Envoy's start, a filter that does nothing "
        f"{load['no-op']:.0f} ms."
    )


def memory(run):
    """Resident memory, and what a further worker takes."""
    rows = []
    for kind in ("none", "no-op", "ours"):
        one, two = (run["memory"][workers][kind] / 2**20 for workers in ("1", "2"))
        rows.append([kind, f"{one:.1f}", f"{two:.1f}", f"{two - one:.1f}"])
    return "Resident memory of Envoy after 20,000 new tokens, the median of three Envoys, in MiB:\n\n" + table(
        ("filter", "one worker", "two workers", "for the second"), rows
    )


def cold(run):
    """The wait for a key."""
    took = run["cold_key_ms"]
    return (
        f"A request whose key must be fetched took {took['cold']:.1f} ms, the endpoint alone "
        f"{took['endpoint']:.1f} ms, a request whose key is known {took['warm']:.1f} ms (medians, one at a time)."
    )


def goals_table(run, alternatives):
    """What is aimed at, and what the run shows."""
    rows = [
        [text, f"≤ {limit:g}{unit}", f"{value:.2f}{unit}", "yes" if value <= limit else "no"]
        for text, value, limit, unit in goals(run, alternatives)
    ]
    return "## Goals\n\n" + table(("figure", "goal", "measured", "reached"), rows) if rows else ""
