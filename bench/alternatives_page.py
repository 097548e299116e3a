"""The part of docs/benchmarks.md on what users would pick instead."""

from markdown import table, times
from summary import ratio

KINDS = (("new", "Each token, or each session, new"), ("repeated", "One token, or one session, repeated"))
# Case, what the reader must know of it.
ROWS = (
    ("ours", "**alb-authn**"),
    ("lua", "inline Lua: *verifies nothing*"),
    ("jwt_authn", "native `jwt_authn`: *can't have the ALB's keys*"),
    ("aws-jwt-verify", "aws-jwt-verify, Node.js service"),
    ("PyJWT", "PyJWT, Python service"),
    ("oauth2-proxy", "oauth2-proxy 7: *its own sessions*"),
)
SERVICES = ("aws-jwt-verify", "PyJWT", "oauth2-proxy")

HOW = """\
## Next to what could be used instead

![CPU time of all processes that the filter and its alternatives add to a request](alternatives.svg)

`make bench-alternatives` takes these figures. **CPU time is that of all processes that a request keeps busy**, Envoy's and the
service's, less that of Envoy without a filter. Of it, *in the service* is not Envoy's; the rest is what Envoy needs to ask.
Each case has its turn in each of {rounds} rounds; *spread* is how far the slowest round is above the fastest, of the whole CPU time.
Requests/s are those of one core that Envoy and the service share.

**Response times are at the same load for all**: {rate} requests a second over 8 connections, each sent when it is due, whatever
the ones before it take (`bench/pace/`). wrk has no fixed rate. They are medians of the rounds' p50 and p99.

- Envoy asks aws-jwt-verify, PyJWT and oauth2-proxy by `ext_authz` over HTTP on the same machine, on connections that stay
  open. A service in another pod, with mTLS, costs more.
- aws-jwt-verify's `AlbJwtVerifier` runs in a server of `node:http`, without a framework. PyJWT verifies as in AWS's sample, under
  gunicorn with threads; its key is loaded once, while the sample fetches it for each request. No verifier keeps tokens.
- oauth2-proxy does not read the ALB's token: it logs users in itself, and its session cookie is the equivalent. The session
  here has no tokens in it and is never refreshed, which is the cheapest kind; its request log is off.
- Native `jwt_authn` gets the key as a JWKS, which AWS does not offer. Its cache is on if one token is repeated.
- A new token costs an ECDSA verification, whichever process makes it; only Lua and oauth2-proxy, whose session has a shared
  secret, make none. So the ratios for new tokens stay below those for a repeated one, which only the filter and
  `jwt_authn` remember.
- A large spread says that the machine's host was busy: then read the medians.
- Before the rounds each case must show the user's email address behind its filter, and reject a changed token. Lua
  accepts it.

The last run: {day}, Envoy {envoy}, {cpu}, {cores} cores, Linux {kernel}.
"""


def section(run):
    """Text, picture and tables."""
    return "\n\n".join([HOW.format(rounds=run["rounds"], rate=run["rate"], **run["machine"]).rstrip(), *tables(run)])


def tables(run):
    """New tokens, and a repeated one."""
    head = (
        "case",
        "added, min (µs)",
        "median (µs)",
        "in the service (µs)",
        "spread",
        "× alb-authn: min",
        "median",
        "requests/s",
        f"p50 at {run['rate']}/s (µs)",
        "p99 (µs)",
    )
    return [
        f"### {title}\n\n" + table(head, [row(run["cases"], name, text, kind) for name, text in ROWS])
        for kind, title in KINDS
    ]


def row(results, name, text, kind):
    """A case's row."""
    case, ours = f"{name}, {kind}", f"ours, {kind}"
    found = results[case]
    in_service = f"{found['service_median']:.0f}" if name in SERVICES else "–"
    return [
        text,
        f"{found['added_min']:.1f}",
        f"{found['added_median']:.1f}",
        in_service,
        f"{found['spread']:.0%}",
        *(times(ratio(results, case, ours, figure)) for figure in ("added_min", "added_median")),
        *(f"{found[figure]:.0f}" for figure in ("per_second", "paced_p50_us", "paced_p99_us")),
    ]


def to_cheapest_service(run, kind):
    """What the filter adds, as a share of what the cheapest alternative with a service adds."""
    return max(ratio(run["cases"], f"ours, {kind}", f"{service}, {kind}") for service in SERVICES)
