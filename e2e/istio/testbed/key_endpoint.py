"""The public key endpoint of a region over TLS, with whichever certificate a test wants it to show."""

import ssl
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

KEY_HOST = "public-keys.auth.elb.us-west-2.amazonaws.com"


class KeyEndpoint:
    """Serves public keys at `/KID`; anything else is 403, as AWS answers.

    `more_keys` returns the PEM of a key that is not in `keys`: those of a load balancer that runs and rotates its own.
    """

    def __init__(self, certificate, key, more_keys=lambda kid: None):
        self.keys = {}
        self.more_keys = more_keys
        # Of each request: the path, the `:authority` and the server name that the TLS client asked for.
        self.requests = []
        self.show(certificate, key)
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), self.handler())
        self.server.daemon_threads = True
        self.server.handle_error = lambda request, address: None
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def show(self, certificate, key):
        """From the next connection on, this certificate is shown."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        context.sni_callback = lambda stream, name, _: setattr(stream, "asked_name", name)
        self.context = context

    def close(self):
        self.server.shutdown()
        self.server.server_close()

    def handler(endpoint):
        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.0"  # A connection each: the next one sees the next certificate.

            def setup(self):
                self.request = endpoint.context.wrap_socket(self.request, server_side=True)
                super().setup()

            def do_GET(self):
                name = getattr(self.request, "asked_name", None)
                endpoint.requests.append((self.path, self.headers["host"], name))
                kid = self.path.removeprefix("/")
                pem = endpoint.keys.get(kid) or endpoint.more_keys(kid)
                body = (pem or "Forbidden\n").encode()
                self.send_response(200 if pem else 403)
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        return Handler
