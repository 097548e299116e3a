"""The public key endpoint of a region over TLS, with whichever certificate a test wants it to show."""

import sys

from .programs import ROOT

sys.path.append(str(ROOT / "crates" / "alb-fixtures" / "python"))
import alb_fixtures  # noqa: E402

KEY_HOST = "public-keys.auth.elb.us-west-2.amazonaws.com"


class KeyEndpoint(alb_fixtures.KeyEndpoint):
    """Serves `keys`, by key id. `more_keys` returns the PEM of one that is not there: those of a load balancer that rotates its own."""

    def __init__(self, certificate, key, more_keys=lambda kid: None):
        self.keys = {}
        super().__init__(lambda kid: self.keys.get(kid) or more_keys(kid), certificate, key)
