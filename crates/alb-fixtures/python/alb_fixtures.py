"""Fixtures for the tests and the benchmark in Python: the public key endpoint of a region."""

import ssl
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class KeyEndpoint:
    """Serves public keys at `/KID`; anything else is 403, as AWS answers. It runs in threads of its own.

    `pem_of` returns the PEM of a key id, or None.
    """

    def __init__(self, pem_of, certificate=None, key=None):
        self.pem_of = pem_of
        # Seconds before each answer.
        self.delay = 0.0
        # Of each request: the path, the `:authority` and the server name that a TLS client asked for.
        self.requests = []
        self.context = None
        if certificate:
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
        """Ends the server."""
        self.server.shutdown()
        self.server.server_close()

    def answer(self, path):
        """The status and the body for a path."""
        pem = self.pem_of(path.removeprefix("/"))
        return (200, pem) if pem else (403, "Forbidden\n")

    def handler(endpoint):
        """The class that http.server makes an object of for each connection."""

        class Handler(BaseHTTPRequestHandler):
            # With TLS a connection each: the next one sees the next certificate.
            protocol_version = "HTTP/1.0" if endpoint.context else "HTTP/1.1"
            # Head and body leave in one segment: in two, delayed acknowledgements would be measured.
            wbufsize = -1
            disable_nagle_algorithm = True

            def setup(self):
                if endpoint.context:
                    self.request = endpoint.context.wrap_socket(self.request, server_side=True)
                super().setup()

            def do_GET(self):
                name = getattr(self.request, "asked_name", None)
                endpoint.requests.append((self.path, self.headers["host"], name))
                time.sleep(endpoint.delay)
                status, text = endpoint.answer(self.path)
                body = text.encode()
                self.send_response(status)
                self.send_header("content-type", "text/plain")
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        return Handler
