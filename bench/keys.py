"""The public key endpoint: serves one key under every key id."""

import http.server
import threading
import time


class KeyEndpoint:
    """An HTTP server in a thread of the runner; idle while something is measured."""

    def __init__(self):
        self.pem = b""
        self.delay = 0.0
        self.asked = 0
        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self.port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def _handler(self):
        endpoint = self

        class Handler(http.server.BaseHTTPRequestHandler):
            """One connection."""

            protocol_version = "HTTP/1.1"
            # Head and body leave in one segment: in two, delayed acknowledgements would be measured.
            wbufsize = -1
            disable_nagle_algorithm = True

            def do_GET(self):
                """Answers with the key."""
                endpoint.asked += 1
                time.sleep(endpoint.delay)
                self.send_response(200)
                self.send_header("content-type", "application/x-pem-file")
                self.send_header("content-length", str(len(endpoint.pem)))
                self.end_headers()
                self.wfile.write(endpoint.pem)

            def log_message(self, *_):
                """Says nothing."""

        return Handler

    def close(self):
        """Ends the server."""
        self._server.shutdown()
