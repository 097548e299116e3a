"""A service for Envoy's ext_authz with PyJWT, as AWS's sample for ALB tokens verifies: 200 and the e-mail address, or 401.

The sample fetches the key for each request; this one keeps it, loaded. The environment names a JSON file in
`BENCH_VERIFIER`, with the load balancer's `arn`, and the key endpoint as `keys`.
"""

import functools
import json
import os
import urllib.request
from pathlib import Path

import jwt
from cryptography.hazmat.primitives.serialization import load_pem_public_key

CONFIGURATION = json.loads(Path(os.environ["BENCH_VERIFIER"]).read_text(encoding="utf-8"))
# Not through a proxy that the environment may name.
OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


@functools.lru_cache(maxsize=16)
def key_of(kid):
    """The public key of a key id."""
    with OPENER.open(f"{CONFIGURATION['keys']}/{kid}", timeout=5) as answer:
        return load_pem_public_key(answer.read())


def email_of(token):
    """The user's e-mail address; raises for a token that is not the load balancer's."""
    header = jwt.get_unverified_header(token)
    if header.get("signer") != CONFIGURATION["arn"]:
        raise jwt.InvalidTokenError("wrong signer")
    payload = jwt.decode(token, key_of(header["kid"]), algorithms=["ES256"])
    return payload["email"]


def application(environ, start_response):
    """WSGI."""
    try:
        email = email_of(environ.get("HTTP_X_AMZN_OIDC_DATA", ""))
    except (jwt.PyJWTError, KeyError, ValueError):
        start_response("401 Unauthorized", [("content-length", "0")])
        return []
    start_response("200 OK", [("content-length", "0"), ("kubeflow-userid", email)])
    return []
