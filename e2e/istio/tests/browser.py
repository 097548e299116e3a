"""What a browser sees on the same path, by the tests of e2e/login/tests. Another application takes the
upstream's place for them: theirs knows WebSockets."""

import json
import os
import shutil
from contextlib import contextmanager
from pathlib import Path

from testbed.processes import Skipped, run
from testbed.programs import ROOT

E2E = ROOT / "e2e"
CHROMIUM = os.environ.get("CHROMIUM", "/usr/bin/chromium")


def test_users_log_in_and_reach_their_own_namespace_only(site):
    with user_facing(site):
        in_the_browser(site, "login")


def test_a_tab_whose_session_ends_is_sent_to_log_in(site):
    with user_facing(site), site.login.settings(SESSION_TIMEOUT="15"):
        in_the_browser(site, "expiry")


def test_in_observe_mode_nobody_is_let_in_as_nobody(site):
    with user_facing(site, mode="observe"), site.login.settings(ON_UNAUTHENTICATED="allow"):
        in_the_browser(site, "observe")


@contextmanager
def user_facing(site, **config):
    """The profiles' policies and the logout of this load balancer."""
    require_browser()
    site.processes.end("upstream")
    try:
        site.open_to_users(**config)
        yield
    finally:
        site.start_upstream()
        site.close_to_users()


def require_browser():
    missing = [
        name
        for name, is_there in {
            "node": shutil.which("node"),
            CHROMIUM: Path(CHROMIUM).exists(),
            "playwright-core": (E2E / "node_modules").exists(),
        }.items()
        if not is_there
    ]
    if missing:
        raise Skipped(f"{', '.join(missing)} not installed")


def in_the_browser(site, name):
    running = {**site.login.ports, "ADMIN_PORT": site.gateway.admin_port, "UPSTREAM_PORT": site.ports["upstream"]}
    run(["node", "--test", E2E / "login" / "tests" / f"{name}.test.mjs"], env={"LOGIN_PATH": json.dumps(running)})
