"""Load balancers, their keys and their tokens, by `alb-token`."""

import base64
import json
from dataclasses import dataclass, replace
from pathlib import Path

from . import programs
from .processes import run


@dataclass(frozen=True)
class Key:
    """A P-256 key pair, in the file `private` and, with `.pub` behind, its public half."""

    kid: str
    private: Path

    @classmethod
    def generate(cls, file: Path):
        return cls(run([programs.ALB_TOKEN, "keygen", file]).stdout.strip(), file)

    @property
    def public_pem(self):
        return Path(f"{self.private}.pub").read_text()

    def jwk(self):
        """The public half as JSON Web Key (RFC 7517, RFC 7518 section 6.2.1)."""
        der = base64.b64decode("".join(self.public_pem.splitlines()[1:-1]))
        # The SubjectPublicKeyInfo of a P-256 key ends in the uncompressed point: x and y, 32 bytes each.
        x, y = (base64.urlsafe_b64encode(part).decode().rstrip("=") for part in (der[-64:-32], der[-32:]))
        return {"kty": "EC", "crv": "P-256", "alg": "ES256", "kid": self.kid, "x": x, "y": y}


@dataclass(frozen=True)
class LoadBalancer:
    """What a token of a load balancer names."""

    arn: str
    issuer: str
    client: str

    @classmethod
    def trusted_by(cls, config):
        """The first that a configuration of the filter trusts."""
        entry = config["loadBalancers"][0]
        return cls(entry["arn"], entry["issuers"][0], entry["clientIds"][0])

    def of_another_account(self):
        """The same names at a load balancer that anybody can create in an account of their own."""
        return replace(self, arn=self.arn.replace("loadbalancer/app/", "loadbalancer/app/not-"))

    def token(self, key: Key, email, expires_in=300, padded=True, **claims):
        claims = {"sub": f"sub-of-{email}", "email": email, "email_verified": "true", **claims}
        return run(
            [programs.ALB_TOKEN, "mint", "--key", key.private, "--kid", key.kid, "--arn", self.arn]
            + ["--issuer", self.issuer, "--client", self.client, "--claims", json.dumps(claims)]
            + ["--expires-in", str(expires_in)]
            + ([] if padded else ["--no-padding"])
        ).stdout.strip()

    def access_token(self, email, groups=(), /, expires_in=300, **claims):
        """What the user pool signs for this user, with the test key of `alb-token key-set`."""
        claims = {"sub": f"sub-of-{email}", **({"cognito:groups": list(groups)} if groups else {}), **claims}
        return run(
            [programs.ALB_TOKEN, "mint", "--access-token", "--issuer", self.issuer, "--client", self.client]
            + ["--claims", json.dumps(claims), "--expires-in", str(expires_in)]
        ).stdout.strip()


def key_set():
    """The keys that verify each `access_token`, as JSON (RFC 7517 section 5)."""
    return run([programs.ALB_TOKEN, "key-set"]).stdout.strip()
