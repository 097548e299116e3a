"""What the filter is to reach."""

from alternatives_page import to_cheapest_service
from summary import ratio

# Text, case, the case that it is a multiple of, limit. Of added CPU time, minimum of the rounds.
RATIOS = (
    ("a new token, to native `jwt_authn` without its cache", "ours, new", "jwt_authn, new", 1.0),
    ("a new token of 2 KB, to native `jwt_authn`", "ours, new, 2k", "jwt_authn, new, 2k", 0.9),
    ("a new token of 8 KB, to native `jwt_authn`", "ours, new, 8k", "jwt_authn, new, 8k", 0.6),
    ("a repeated token, to the same host calls and nothing else", "ours, repeated", "calls", 1.1),
    ("a repeated token, to native `jwt_authn` with its cache", "ours, repeated", "jwt_authn cached, repeated", 3),
    ("64 load balancers, to one, new tokens", "ours, new, 64 balancers", "ours, new", 1.02),
    ("refusing garbage, to verifying a token", "ours, garbage", "ours, new", 0.25),
    ("refusing an untrusted signer, to verifying a token", "ours, untrusted", "ours, new", 0.25),
    ("refusing an expired token, to verifying a token", "ours, expired", "ours, new", 0.25),
)


def goals(run, alternatives=None):
    """Text, measured value, limit, unit, of all that these runs measured. Either may be None."""
    found = beside_services(alternatives) if alternatives else []
    return found + (in_envoy(run) if run else [])


def beside_services(run):
    """Of `make bench-alternatives`: five times less CPU time than with a service."""
    text = "a {} token, to the same with the cheapest service"
    return [(text.format(kind), to_cheapest_service(run, kind), 0.2, " ×") for kind in ("new", "repeated")]


def in_envoy(run):
    """Of `make bench`."""
    found = [(text, ratio(run["cases"], *pair), limit, " ×") for text, *pair, limit in RATIOS]
    found.append(("the module", run["module_bytes"] / 1000, 512, " KB"))
    if "memory" in run:
        found.append(("memory above the no-op filter's, per worker", above_no_op(run), 4, " MiB"))
        took = run["cold_key_ms"]
        found.append(("a cold key, above the endpoint", took["cold"] - took["endpoint"], 3, " ms"))
    known, unread = (run["cases"].get(f"ours, new, access token {state}") for state in ("known", "not read"))
    if known and unread:
        found.append(("a known access token, added to a request", known["added_min"] - unread["added_min"], 6, " µs"))
    if "access_token_hits" in run:
        missed = (1 - run["access_token_hits"]) * 100
        found.append(("of 5,000 users' access tokens, those that the cache lacks", missed, 10, " %"))
    return [goal for goal in found if goal[1] is not None]


def above_no_op(run):
    """MiB that a second worker takes with the filter, less with a filter that does nothing."""
    one, two = run["memory"]["1"], run["memory"]["2"]
    return ((two["ours"] - one["ours"]) - (two["no-op"] - one["no-op"])) / 2**20
