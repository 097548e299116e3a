"""HTTP requests with exactly the header lines that they are given."""

import http.client
import json

HOST = "kubeflow.example.com"


class Answer:
    """What came back."""

    def __init__(self, response):
        self.status = response.status
        self.body = response.read()
        self.headers = response.headers

    def json(self):
        try:
            return json.loads(self.body)
        except ValueError:
            return {}

    @property
    def reason(self):
        """The reason that a refusal of the filter names; None where it is no such refusal."""
        body = self.json()
        return body.get("error") if isinstance(body, dict) else None

    @property
    def is_rbac(self):
        """Whether Envoy's RBAC filter refused."""
        return self.status == 403 and self.body.startswith(b"RBAC: access denied")

    def arrived(self, name):
        """What the upstream received in the header `name`: a text, a list where it came several times, None."""
        assert self.status == 200, f"not forwarded: {self}"
        return self.json()["headers"].get(name)

    def __repr__(self):
        return f"{self.status} {self.body[:300].decode(errors='replace')!r}"


def send(port, path="/", headers=(), method="GET", host=HOST, tls=None, body=None):
    """Sends one request on a connection of its own; `headers` are pairs, kept in order and number."""
    if tls:
        connection = http.client.HTTPSConnection("127.0.0.1", port, timeout=60, context=tls)
    else:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
        connection.putheader("host", host)
        for name, value in headers:
            connection.putheader(name, value)
        connection.endheaders(body)
        return Answer(connection.getresponse())
    finally:
        connection.close()
