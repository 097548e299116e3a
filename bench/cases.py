"""What is compared: each case is a filter and the requests that it gets."""

import json
from dataclasses import dataclass, replace
from pathlib import Path

import listeners
import tokens
from load import PLAIN, WITH_SESSION_COOKIE

CACHED_TOKENS = 1000
INCUMBENT = Path(__file__).with_name("incumbent.lua")
# Eight mapped claims; the first is the default of alb-authn.
MAPPING = {"kubeflow-userid": "email"} | {
    f"x-user-{name.replace('_', '-')}": name for name in tokens.PROFILE
}


@dataclass(frozen=True)
class Filter:
    """What stands before the router. `kind`: none, calls, lua, jwt_authn, ours; ext_authz, which asks a `service`."""

    kind: str
    cached: bool = True
    backend: str = "host"
    balancers: int = 1
    first_balancer: int = 0
    claims: int = 1
    # A list of groups is mapped, and each load balancer has a prefix of its own.
    groups: bool = False
    # Groups come from the access token.
    access: bool = False
    # Of kind calls: which calls, and whether the module keeps all exports that the SDK gives it.
    calls: str = ""
    all_exports: bool = False
    module: str = ""
    service: str = ""
    # How many routes the listener has.
    routes: int = 1


@dataclass(frozen=True)
class Case:
    """One row. `requests` is how many a round sends; a `refused` one must be answered with a 4xx."""

    name: str
    groups: tuple
    filter: Filter
    pool: str = "0.8k"
    repeated: bool = False
    requests: int = 5000
    refused: bool = False
    head: str = PLAIN
    module: str = ""

    @property
    def label(self):
        """The name that a run shows; with the module's where several are compared."""
        return f"{self.name} [{self.module}]" if self.module else self.name

    @property
    def baseline(self):
        """The case without a filter that gets the same requests."""
        if self.filter.routes > 1:
            return f"none, {self.filter.routes} routes"
        if self.head != PLAIN:
            return f"none, {self.head}"
        baselines = {"2k": "none, 2k", "8k": "none, 8k", "1000-groups": "none, 1000 groups", "access": "none, access token"}
        return baselines.get(self.pool, "none")


NONE, OURS = Filter("none"), Filter("ours")
WASM, UNCACHED = Filter("ours", backend="wasm"), Filter("ours", cached=False)
JWT, JWT_CACHED = Filter("jwt_authn", cached=False), Filter("jwt_authn")
GROUPS_64 = Filter("ours", groups=True, balancers=64)
CHEAP = 15000

BASELINES = (
    Case("none", (), NONE, repeated=True, requests=CHEAP),
    Case("none, 2k", (), NONE, "2k", repeated=True, requests=CHEAP),
    Case("none, 8k", (), NONE, "8k", repeated=True, requests=CHEAP),
    Case("none, 1000 groups", (), NONE, "1000-groups", repeated=True, requests=CHEAP),
    Case("none, 10 routes", (), Filter("none", routes=10), repeated=True, requests=CHEAP),
    Case("none, 1000 routes", (), Filter("none", routes=1000), repeated=True, requests=CHEAP),
    Case("none, access token", (), NONE, "access", repeated=True, requests=CHEAP),
    Case("none, session cookie", (), NONE, repeated=True, requests=CHEAP, head=WITH_SESSION_COOKIE),
)

CASES = (
    Case("no-op", ("new", "repeated"), Filter("calls"), repeated=True, requests=CHEAP),
    Case(
        "no-op, all exports",
        ("new", "repeated"),
        Filter("calls", all_exports=True),
        repeated=True,
        requests=CHEAP,
    ),
    Case("calls", ("repeated",), Filter("calls", calls="as ours"), repeated=True, requests=CHEAP),
    Case("calls, decoded", ("repeated",), Filter("calls", calls="decoded"), repeated=True, requests=CHEAP),
    Case("calls, verified", ("new",), Filter("calls", calls="verified"), repeated=True),
    Case("lua", ("new",), Filter("lua"), requests=8000),
    Case("jwt_authn, new", ("new",), JWT),
    Case("jwt_authn cached, new", ("new",), JWT_CACHED),
    Case("ours, new", ("new", "balancers", "cookie", "refused"), OURS),
    Case("ours uncached, new", ("new",), UNCACHED),
    Case("ours wasm, new", ("new", "wasm"), WASM, requests=2000),
    Case("jwt_authn, repeated", ("repeated",), JWT, repeated=True),
    Case("jwt_authn cached, repeated", ("repeated",), JWT_CACHED, repeated=True, requests=CHEAP),
    Case("ours, repeated", ("repeated", "balancers", "cookie"), OURS, repeated=True, requests=CHEAP),
    Case("ours uncached, repeated", ("repeated",), UNCACHED, repeated=True),
    Case("ours wasm, repeated", ("repeated", "wasm"), WASM, repeated=True, requests=CHEAP),
    Case("jwt_authn, new, 2k", ("sizes",), JWT, "2k", requests=3000),
    Case("jwt_authn, new, 8k", ("sizes",), JWT, "8k", requests=3000),
    Case("ours, new, 2k", ("sizes", "claims"), OURS, "2k", requests=3000),
    Case("ours, new, 8k", ("sizes",), OURS, "8k", requests=3000),
    Case("ours, repeated, 8k", ("sizes",), OURS, "8k", repeated=True, requests=CHEAP),
    Case("ours wasm, new, 8k", ("sizes", "wasm"), WASM, "8k", requests=2000),
    Case("ours, new, 8 balancers", ("balancers",), Filter("ours", balancers=8), "8-balancers"),
    Case("ours, new, 64 balancers", ("balancers",), Filter("ours", balancers=64), "64-balancers"),
    Case(
        "ours, repeated, 64 balancers",
        ("balancers",),
        Filter("ours", balancers=64),
        "64-balancers",
        repeated=True,
        requests=CHEAP,
    ),
    Case("jwt_authn, new, 8 claims", ("claims",), replace(JWT, claims=8), "2k", requests=3000),
    Case("ours, new, 8 claims", ("claims",), Filter("ours", claims=8), "2k", requests=3000),
    Case(
        "ours, repeated, 8 claims",
        ("claims",),
        Filter("ours", claims=8),
        "2k",
        repeated=True,
        requests=CHEAP,
    ),
    Case("ours, new, 1000 groups", ("groups",), Filter("ours", groups=True), "1000-groups", requests=1000),
    Case("ours, new, 1000 groups, 64 prefixes", ("groups",), GROUPS_64, "1000-groups", requests=1000),
    Case("ours, new, access token not read", ("access",), OURS, "access"),
    Case("ours, new, access token known", ("access",), Filter("ours", access=True), "access"),
    Case("ours, new, session cookie", ("cookie",), OURS, head=WITH_SESSION_COOKIE),
    Case(
        "ours, repeated, session cookie",
        ("cookie",),
        OURS,
        repeated=True,
        requests=CHEAP,
        head=WITH_SESSION_COOKIE,
    ),
    Case("ours, new, 10 routes", ("routes",), Filter("ours", routes=10)),
    Case("ours, new, 1000 routes", ("routes",), Filter("ours", routes=1000)),
    Case("ours, repeated, 10 routes", ("routes",), Filter("ours", routes=10), repeated=True, requests=CHEAP),
    Case("ours, repeated, 1000 routes", ("routes",), Filter("ours", routes=1000), repeated=True, requests=CHEAP),
    Case("ours, garbage", ("refused",), OURS, "garbage", requests=CHEAP, refused=True),
    # The configured load balancer is one that signed none of the tokens.
    Case(
        "ours, untrusted", ("refused",), Filter("ours", first_balancer=70), requests=8000, refused=True
    ),
    Case("ours, expired", ("refused",), OURS, "expired", requests=8000, refused=True),
)

GROUPS = tuple(dict.fromkeys(group for case in CASES for group in case.groups))


def chosen(only, modules):
    """The cases of these groups (or of these names), ours once for each module, and the baselines
    that they need."""
    picked = [case for case in CASES if not only or any(is_in(case, word) for word in only)]
    if not picked:
        raise SystemExit(f"no such cases; the groups are {', '.join(GROUPS)}")
    cases = [each for case in picked for each in by_module(case, modules)]
    needed = {case.baseline for case in cases} | {"none"}
    return [case for case in BASELINES if case.name in needed] + cases


def is_in(case, word):
    """Does `--only` with this word choose the case?"""
    return word in case.groups or case.name == word


def by_module(case, modules):
    """The case for each of the modules that are compared."""
    if case.filter.kind != "ours":
        return [case]
    marked = len(modules) > 1
    return [
        replace(case, module=label if marked else "", filter=replace(case.filter, module=path))
        for label, path in modules.items()
    ]


def our_configuration(filter_):
    """`pluginConfig` as JSON."""
    first = filter_.first_balancer
    balancers = [
        {"arn": tokens.arn(number), "issuers": [tokens.ISSUER], "clientIds": [tokens.CLIENT]}
        for number in range(first, first + filter_.balancers)
    ]
    mapping = list(MAPPING.items())[: filter_.claims]
    if filter_.groups:
        for number, balancer in enumerate(balancers, first):
            balancer["outputClaimToHeaders"] = group_entries(f"{number:02}:")
    configuration = {
        "loadBalancers": balancers,
        "outputClaimToHeaders": [{"header": header, "claim": claim} for header, claim in mapping],
        "signatureBackend": filter_.backend,
    }
    if filter_.access:
        for balancer in balancers:
            balancer["accessToken"] = {"jwks": {"cluster": listeners.KEYS_CLUSTER}}
        configuration["outputClaimToHeaders"].append(ACCESS_ENTRY)
    if filter_.groups:
        # A thousand groups make a token of 20 KB.
        configuration["maxTokenBytes"] = 65536
    if not filter_.cached:
        configuration["tokenCache"] = {"maxBytes": 0}
    return json.dumps(configuration)


ACCESS_ENTRY = {
    "header": "kubeflow-groups",
    "claim": "cognito:groups",
    "source": "accessToken",
    "format": "list",
    "required": False,
}


def group_entries(prefix):
    """The entries of a load balancer: no group may begin with the prefix of another one."""
    groups = {"header": "kubeflow-groups", "claim": "groups", "prefix": prefix, "required": False}
    return [{"header": "kubeflow-userid", "claim": "email", "prefix": prefix}, groups]


@dataclass(frozen=True)
class Parts:
    """What filters are made of: the helper module and its form with all exports, the host calls that it
    makes, the key set."""

    helper: Path = Path()
    helper_all_exports: Path = Path()
    calls: tuple = ()
    jwks: str = ""


def http_filters(name, filter_, parts):
    """The listener's filters."""
    if filter_.kind == "none":
        return []
    if filter_.kind == "lua":
        return [listeners.lua(INCUMBENT.read_text(encoding="utf-8"))]
    if filter_.kind == "jwt_authn":
        mapping = dict(list(MAPPING.items())[: filter_.claims])
        cache_size = CACHED_TOKENS if filter_.cached else 0
        return [listeners.jwt_authn(parts.jwks, tokens.ISSUER, mapping, cache_size)]
    if filter_.kind == "calls":
        helper = parts.helper_all_exports if filter_.all_exports else parts.helper
        return [listeners.wasm(name, helper, " ".join(calls_of(filter_, parts)))]
    return [listeners.wasm(name, filter_.module, our_configuration(filter_))]


def calls_of(filter_, parts):
    """The host calls of a helper filter."""
    decoded = {"proxy_get_header_map_pairs": "sdk_get_header_map_pairs"}
    if filter_.calls == "decoded":
        return [decoded.get(call, call) for call in parts.calls]
    if filter_.calls == "verified":
        return ["verify_signature", *parts.calls]
    return list(parts.calls) if filter_.calls else []
