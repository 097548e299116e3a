"""The provider and the load balancer of e2e/login/, in front of a gateway: Dex and the stand-in."""

import re
import secrets
import ssl
import urllib.error
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlencode, urljoin, urlsplit

from . import client, programs
from .key_endpoint import KEY_HOST
from .kubernetes import get
from .processes import Processes, free_port, is_open, run

PORTS = ("HTTP_PORT", "ALB_PORT", "DEX_PORT", "CONTROL_PORT", "KEYS_PORT")
SETTINGS = {"ON_UNAUTHENTICATED": "authenticate", "SESSION_TIMEOUT": "604800", "ACCESS_TOKEN_LIFETIME": "1h"}
SESSION_COOKIE = "AWSELBAuthSessionCookie-"
PASSWORD = "password"


class Login:
    """What stands between a user's browser and the gateway."""

    def __init__(self, processes: Processes, folder: Path, gateway_port):
        self.processes, self.folder = processes, folder
        self.ports = {name: free_port() for name in PORTS} | {"GATEWAY_PORT": gateway_port}
        self.host = f"kubeflow.localhost:{self.ports['ALB_PORT']}"
        self.url = f"https://{self.host}"
        self.issuer = f"https://dex.localhost:{self.ports['DEX_PORT']}/dex"
        self.certificate_authority = folder / "tls" / "ca.pem"
        self.filled = {**SETTINGS, **self.ports, "WORK": folder, "CLIENT_SECRET": secrets.token_hex(16)}
        self.sessions = {}

    def start(self):
        names = ["kubeflow.localhost", "dex.localhost", f"keys={KEY_HOST}"]
        run([programs.STANDIN_ALB, "certificates", "--directory", self.folder / "tls", *names])
        self.tls = ssl.create_default_context(cafile=self.certificate_authority)
        self.tls.check_hostname = False  # We connect to 127.0.0.1.
        self.start_program("dex", [programs.DEX, "serve", self.fill("dex.yaml")], "DEX_PORT")
        self.start_load_balancer()

    def start_load_balancer(self):
        command = [programs.STANDIN_ALB, "serve", self.fill("alb.json")]
        self.start_program("load-balancer", command, "CONTROL_PORT")

    def start_program(self, name, command, port):
        self.processes.start(name, command)
        self.processes.await_ready(name, lambda: is_open(self.ports[port]))

    def fill(self, name):
        """A file of e2e/login/ with its @NAMES@ filled in, as e2e/login/run does it."""
        text = (programs.ROOT / "e2e" / "login" / name).read_text()
        for placeholder, value in self.filled.items():
            text = text.replace(f"@{placeholder}@", str(value))
        file = self.folder / name
        file.write_text(text)
        return file

    @contextmanager
    def settings(self, **values):
        """Other rules for a while. The load balancer is another one then: nobody has a session."""
        before = dict(self.filled)
        try:
            self.restart_load_balancer(values)
            yield
        finally:
            self.restart_load_balancer(before)

    def restart_load_balancer(self, values):
        self.filled.update(values)
        self.sessions.clear()
        self.processes.end("load-balancer")
        self.start_load_balancer()

    def public_key(self, kid):
        """The PEM of a key that the load balancer signs with; None where it has no such key."""
        try:
            return get(f"https://127.0.0.1:{self.ports['KEYS_PORT']}/{kid}").decode()
        except urllib.error.HTTPError:
            return None

    def send(self, user, path="/", headers=(), **more):
        """A request of a user who is logged in; of somebody without a session where `user` is None."""
        cookies = [("cookie", self.session(user))] if user else []
        return client.send(
            self.ports["ALB_PORT"], path, [*cookies, *headers], host=self.host, tls=self.tls, **more
        )

    def session(self, user):
        """The session cookies of a user, who logs in the first time."""
        if user not in self.sessions:
            self.sessions[user] = self.log_in(user)
        return self.sessions[user]

    def log_in(self, user):
        """What a browser does: it is sent to the provider, fills in the form, and is sent back."""
        jar = {}
        url, form = f"{self.url}/", None
        for _ in range(10):
            answer = self.visit(url, jar, form)
            form = None
            session = [f"{name}={value}" for name, value in jar.items() if name.startswith(SESSION_COOKIE)]
            if session:
                return "; ".join(session)
            if answer.status == 200:
                action = re.search(r'<form[^>]*action="([^"]+)"', answer.body.decode())
                assert action, f"no form to log in with: {answer}"
                url = urljoin(url, action[1].replace("&amp;", "&"))
                form = {"login": f"{user}@example.com", "password": PASSWORD}
            else:
                assert answer.headers["location"], f"{user} can't log in: {answer}"
                url = urljoin(url, answer.headers["location"])
        raise AssertionError(f"{user} is sent from page to page, lastly to {url}")

    def visit(self, url, jar, form):
        parts = urlsplit(url)
        headers = [("cookie", "; ".join(f"{name}={value}" for name, value in jar.items()))]
        body = None
        if form:
            body = urlencode(form).encode()
            headers += [
                ("content-type", "application/x-www-form-urlencoded"),
                ("content-length", str(len(body))),
            ]
        answer = client.send(
            parts.port,
            f"{parts.path or '/'}?{parts.query}",
            headers,
            method="POST" if form else "GET",
            host=parts.netloc,
            tls=self.tls,
            body=body,
        )
        for cookie in answer.headers.get_all("set-cookie", []):
            name, _, value = cookie.partition(";")[0].partition("=")
            jar[name] = value
        return answer
