"""wrk: sends a number of requests over a few connections, from a core of its own."""

import signal
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

from cpu import pinned

CONNECTIONS = 8
TIME_LIMIT_SECONDS = 120
SCRIPT = Path(__file__).with_name("wrk.lua")

# As a page's own requests send them (a navigation's `Accept` would get the page for people when it is rejected), and a
# load balancer passes them on; the token comes after them.
HEADERS = (
    ("Host", "kubeflow.example.com"),
    ("User-Agent", "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"),
    ("Accept", "*/*"),
    ("Accept-Language", "en-US,en;q=0.5"),
    ("Accept-Encoding", "gzip, deflate, br, zstd"),
    ("Referer", "https://kubeflow.example.com/pipeline/"),
    ("Sec-Fetch-Mode", "cors"),
    ("X-Forwarded-For", "203.0.113.7"),
    ("X-Amzn-Trace-Id", "Root=1-67891233-abcdef012345678912345678"),
)
COOKIE = "session=" + "c" * 592
SESSION_COOKIE = "AWSELBAuthSessionCookie-0=" + "s" * 4070 + "; "


PLAIN, WITH_SESSION_COOKIE, OAUTH2_PROXY = "plain", "session cookie", "oauth2-proxy session"


@dataclass(frozen=True)
class Load:
    """Which tokens to send: `count` requests with the pool's lines from `first` on, `cycle` of them, behind the kind of
    `head` that a case has."""

    pool: str
    first: int
    count: int
    cycle: int
    head: str = PLAIN


@dataclass(frozen=True)
class Answer:
    """What wrk saw."""

    requests: int
    seconds: float
    p50_us: int
    p99_us: int
    errors: int


def head(kind):
    """The request up to the token, or up to oauth2-proxy's session, which is in a cookie."""
    cookie = (SESSION_COOKIE if kind == WITH_SESSION_COOKIE else "") + COOKIE
    lines = ["GET /pipeline/ HTTP/1.1"]
    lines += [f"{name}: {value}" for name, value in HEADERS + (("Cookie", cookie),)]
    last = "; _oauth2_proxy=" if kind == OAUTH2_PROXY else "\r\nx-amzn-oidc-data: "
    return "\r\n".join(lines) + last


class Requests:
    """What the programs that send loads read: files with the requests' heads in a folder, and the pools."""

    def __init__(self, pools, folder):
        self._pools = pools
        self._heads = {kind: Path(folder) / f"head {kind}" for kind in (PLAIN, WITH_SESSION_COOKIE, OAUTH2_PROXY)}
        for kind, file in self._heads.items():
            file.write_bytes(head(kind).encode())

    def arguments(self, load, count, connections):
        """A load as these programs take it, to be sent `count` times."""
        files = [self._heads[load.head], self._pools.file(load.pool)]
        numbers = [self._pools.line_bytes[load.pool], load.first, count, load.cycle, connections]
        return list(map(str, files + numbers))


class Wrk:
    """Runs wrk."""

    def __init__(self, requests, cores):
        self._requests, self._cores = requests, cores

    def run(self, port, load, connections=CONNECTIONS):
        """Sends a load and awaits its last answer."""
        # wrk asks its script for one request more than it sends, to check it.
        arguments = self._requests.arguments(load, load.count + 1, connections)
        command = ["wrk", "--threads", "1", "--connections", str(connections)]
        command += ["--duration", f"{TIME_LIMIT_SECONDS}s", "--timeout", "10s", "--script", str(SCRIPT)]
        command += [f"http://127.0.0.1:{port}/", "--", *arguments]
        with subprocess.Popen(
            command, stdout=subprocess.PIPE, text=True, preexec_fn=pinned(self._cores)
        ) as wrk:
            for line in wrk.stdout:
                if line == "started\n":
                    started = time.monotonic()
                if line == "answered\n":
                    seconds = time.monotonic() - started
                    interrupt(wrk)
                if line.startswith("result "):
                    requests, p50, p99, errors = map(int, line.split()[1:])
                    return Answer(requests, seconds, p50, p99, errors)
        raise RuntimeError("wrk failed")


def interrupt(wrk):
    """Ends wrk's sleep. Its handler may run on the wrong thread, and the sleep go on: hence more than once."""
    while True:
        wrk.send_signal(signal.SIGINT)
        try:
            wrk.wait(0.02)
            return
        except subprocess.TimeoutExpired:
            pass
