"""The services that Envoy can ask with ext_authz: started, awaited, ended."""

import json
import os
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

import cpu
import tokens
from process import Process

READY_SECONDS = 30
# In /proc/net/tcp.
LISTEN = "0A"
# 32 bytes: AES-256.
COOKIE_SECRET = "0123456789abcdef0123456789abcdef"
OAUTH2_PROXY = "oauth2-proxy"
AWS_JWT_VERIFY = "aws-jwt-verify"
PYJWT = "PyJWT"


@dataclass(frozen=True)
class Kind:
    """What Envoy sends to a service, and in which header the service returns the user's e-mail address."""

    sent: str
    identity: str


KINDS = {
    OAUTH2_PROXY: Kind("cookie", "x-auth-request-email"),
    AWS_JWT_VERIFY: Kind("x-amzn-oidc-data", "kubeflow-userid"),
    PYJWT: Kind("x-amzn-oidc-data", "kubeflow-userid"),
}


class Service(Process):
    """A running service."""

    def __init__(self, name, command, folder, cores, environment):
        self._name = name
        super().__init__(command, Path(folder) / f"{name}.log", cores, cwd=folder, env=os.environ | environment)

    def processes(self):
        """The ids of its processes."""
        return cpu.family(self.pid)

    def _await_ready(self):
        deadline = time.monotonic() + READY_SECONDS
        while time.monotonic() < deadline and not self.has_ended():
            if port := listening_port(self.pid):
                self.port = port
                return
            time.sleep(0.01)
        raise RuntimeError(f"{self._name} does not listen:\n{self.log()}")


def listening_port(pid):
    """The port on which a process listens; None if it does not (yet). Not every service says which one it was given."""
    files = f"/proc/{pid}/fd"
    sockets = set()
    for number in os.listdir(files):
        try:
            sockets.add(os.readlink(f"{files}/{number}"))
        except FileNotFoundError:
            pass
    with open(f"/proc/{pid}/net/tcp", encoding="ascii") as table:
        for line in table:
            fields = line.split()
            if fields[3] == LISTEN and f"socket:[{fields[9]}]" in sockets:
                return int(fields[1].partition(":")[2], 16)
    return None


class Services:
    """All of them; a context manager. `programs` is the folder that `make bench-alternatives` installs into."""

    def __init__(self, programs, folder, cores, keys_port):
        configuration = Path(folder) / "verifier.json"
        configuration.write_text(json.dumps(verifier(keys_port)), encoding="utf-8")
        environment = {"BENCH_VERIFIER": str(configuration)}
        self._running = {}
        try:
            for name, command in commands(programs.resolve(), configuration).items():
                self._running[name] = Service(name, command, folder, cores, environment)
        except BaseException:
            self.close()
            raise

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        """Ends all of them."""
        for service in self._running.values():
            service.close()

    def ports(self):
        """Where each listens."""
        return {name: service.port for name, service in self._running.items()}

    def processes(self, name):
        """The ids of a service's processes."""
        return self._running[name].processes()


def verifier(keys_port):
    """What a verifier of the load balancer's tokens must know."""
    return {
        "arn": tokens.arn(0),
        "issuer": tokens.ISSUER,
        "clientId": tokens.CLIENT,
        "keys": f"http://127.0.0.1:{keys_port}",
    }


def commands(programs, configuration):
    """Each service's command."""
    return {
        OAUTH2_PROXY: [programs / "oauth2-proxy", *oauth2_proxy_options()],
        AWS_JWT_VERIFY: [programs / "node", programs / "aws_jwt_verify.mjs", configuration],
        PYJWT: [programs / "venv" / "bin" / "gunicorn", *gunicorn_options()],
    }


def oauth2_proxy_options():
    """It answers 200 to each request with a session, and asks no provider: the sessions are not to be refreshed."""
    nowhere = "http://127.0.0.1:9"
    return [
        "--http-address=127.0.0.1:0",
        "--reverse-proxy=true",
        "--upstream=static://200",
        "--set-xauthrequest=true",
        "--request-logging=false",
        "--email-domain=*",
        "--session-cookie-minimal=true",
        "--cookie-secure=false",
        f"--cookie-secret={COOKIE_SECRET}",
        "--provider=oidc",
        "--skip-oidc-discovery=true",
        "--client-id=bench",
        "--client-secret=bench",
        f"--oidc-issuer-url={nowhere}",
        f"--oidc-jwks-url={nowhere}/keys",
        f"--login-url={nowhere}/login",
        f"--redeem-url={nowhere}/token",
        f"--redirect-url={nowhere}/oauth2/callback",
    ]


def gunicorn_options():
    """One worker, since it has one core; threads, since its default kind of worker ends each connection."""
    options = ["--bind=127.0.0.1:0", "--workers=1", "--worker-class=gthread", "--threads=8", "--keep-alive=120"]
    return [*options, f"--chdir={Path(__file__).with_name('alternatives')}", "pyjwt_service:application"]


def sessions(programs, count):
    """So many users' session cookies of oauth2-proxy."""
    command = [programs / "session", str(count), COOKIE_SECRET]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
