"""Pools of tokens, signed ahead of time by the program in tokens/.

A line is a token, or a token and an access token with a space between them.
"""

import base64
import json
import random
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

ISSUER = "https://cognito-idp.us-west-2.amazonaws.com/us-west-2_EXAMPLE"
CLIENT = "3n4b5urk1ft4fl3mg5e62d9ado"
# What a token of eight mapped claims holds beside the e-mail address.
PROFILE = ("given_name", "family_name", "department", "office", "team", "title", "zoneinfo")


def arn(number):
    """The ARN of one of the load balancers; all are equally long."""
    name = f"loadbalancer/app/kubeflow-{number:02}/50dc6c495c0c91{number:02}"
    return f"arn:aws:elasticloadbalancing:us-west-2:123456789012:{name}"


def claims(target):
    """Claims that make a token of about `target` bytes."""
    chosen = {"email_verified": "true", "email": "alice@example.com", "username": "alice"}
    if target >= 2000:
        chosen |= {name: f"{name} of alice" for name in PROFILE}
        chosen["groups"] = []
    # Beside the claims: the protected header, `sub`, `exp`, `iss` and the signature.
    while target >= 2000 and 725 + len(json.dumps(chosen)) * 4 / 3 < target:
        chosen["groups"].append(f"team-{len(chosen['groups']):04}")
    return chosen


def group_claims(count):
    """Claims with this many groups, too short to make a header of more than 16 KiB."""
    return claims(0) | {"groups": [f"team-{number:04}" for number in range(count)]}


@dataclass(frozen=True)
class Pool:
    """Tokens of one kind. `size` in bytes, about, or with this many `groups`; `balancers` sign in turn, from the first one on."""

    name: str
    size: int = 800
    groups: int = 0
    balancers: int = 1
    expired: bool = False
    new_kids: bool = False
    garbage: bool = False
    # So many users take turns in no order, each with an access token that stays the same.
    users: int = 0


POOLS = {
    pool.name: pool
    for pool in (
        Pool("0.8k"),
        Pool("2k", size=2048),
        Pool("8k", size=8192),
        Pool("1000-groups", groups=1000),
        Pool("8-balancers", balancers=8),
        Pool("64-balancers", balancers=64),
        Pool("expired", expired=True),
        Pool("garbage", garbage=True),
        Pool("cold", new_kids=True),
        Pool("access", users=500),
        Pool("access-5000", users=5000),
    )
}


class Pools:
    """The signed pools: files in a folder, and the key that signed them."""

    def __init__(self, program, folder, counts):
        self._folder = Path(folder)
        self.counts = counts
        answer = subprocess.run(
            [program], input=json.dumps(self._order()), capture_output=True, text=True, check=True
        )
        answer = json.loads(answer.stdout)
        self.pem, self.kid = answer["pem"], answer["kid"]
        self.key_set = answer["keySet"]
        if "garbage" in counts:
            self._write_garbage(counts["garbage"])
        self.line_bytes = {name: self._line_bytes(name) for name in counts}

    def file(self, name):
        """The file of a pool."""
        return self._folder / f"{name}.tokens"

    def _order(self):
        signed = [POOLS[name] for name in self.counts if not POOLS[name].garbage]
        return {
            "issuer": ISSUER,
            "client": CLIENT,
            "pools": [self._pool_order(pool) for pool in signed],
        }

    def _pool_order(self, pool):
        return {
            "file": str(self.file(pool.name)),
            "count": self.counts[pool.name],
            "exp": int(time.time()) + (-3600 if pool.expired else 86400),
            "signers": [arn(number) for number in range(pool.balancers)],
            "claims": group_claims(pool.groups) if pool.groups else claims(pool.size),
            "newKids": pool.new_kids,
            "users": pool.users,
        }

    def _write_garbage(self, count):
        noise = random.Random(1)
        with open(self.file("garbage"), "w", encoding="ascii") as file:
            for _ in range(count):
                parts = (noise.randbytes(size) for size in (330, 200, 64))
                texts = (base64.urlsafe_b64encode(part).decode() for part in parts)
                file.write(".".join(texts) + "\n")

    def _line_bytes(self, name):
        with open(self.file(name), "rb") as file:
            size = len(file.readline())
        total = self.file(name).stat().st_size
        if total != size * self.counts[name]:
            raise RuntimeError(f"pool {name}: its lines are not equally long")
        return size

    def add(self, name, lines):
        """Another pool, made elsewhere."""
        self.file(name).write_text("".join(f"{line}\n" for line in lines), encoding="ascii")
        self.counts[name] = len(lines)
        self.line_bytes[name] = self._line_bytes(name)

    def first(self, name):
        """The first token of a pool."""
        return self.at(name, 0)

    def at(self, name, index):
        """The token on a line."""
        size = self.line_bytes[name]
        with open(self.file(name), "rb") as file:
            file.seek(index * size)
            return file.read(size).decode().strip()

    def served(self, name):
        """What the key endpoint answers for a path: the access tokens' key set, or the one public key."""
        return self.key_set if name.endswith("jwks.json") else self.pem

    def jwks(self):
        """The public key as a JSON Web Key Set."""
        body = "".join(line for line in self.pem.splitlines() if not line.startswith("-"))
        point = base64.b64decode(body)[-64:]
        x, y = (base64.urlsafe_b64encode(half).decode().rstrip("=") for half in (point[:32], point[32:]))
        key = {"kty": "EC", "crv": "P-256", "alg": "ES256", "use": "sig", "kid": self.kid, "x": x, "y": y}
        return json.dumps({"keys": [key]})
