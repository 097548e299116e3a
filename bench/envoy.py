"""One Envoy process: started, asked, ended."""

import json
import time
import urllib.request
from pathlib import Path

from process import Process

READY_SECONDS = 60


class Envoy(Process):
    """A running Envoy. `log_level` is that of Wasm modules."""

    def __init__(self, program, folder, bootstrap, cores, workers=1, log_level="info"):
        folder = Path(folder)
        config, self._admin_file = folder / "envoy.json", folder / "admin"
        config.write_text(json.dumps(bootstrap), encoding="utf-8")
        self._admin_file.unlink(missing_ok=True)
        command = [str(program), "--config-path", str(config), "--concurrency", str(workers)]
        command += ["--admin-address-path", str(self._admin_file), "--disable-hot-restart"]
        command += ["--log-level", "warning", "--drain-time-s", "1", "--component-log-level", f"wasm:{log_level}"]
        started = time.monotonic()
        super().__init__(command, folder / "envoy.log", cores)
        self.start_seconds = time.monotonic() - started
        self.ports = self._ports()

    def admin(self, path, method="GET"):
        """What the admin interface answers."""
        where = self._admin_file.read_text(encoding="ascii")
        # Not through a proxy that the environment may name.
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(urllib.request.Request(f"http://{where}{path}", method=method), timeout=10) as answer:
            return answer.read().decode()

    def answers(self, listener):
        """How many requests a listener has answered, by the first digit of the status."""
        found = self.stats(rf"^http\.{listener}\.downstream_rq_[1-5]xx$")
        return {name[-3]: value for name, value in found.items()}

    def stats(self, pattern):
        """Counters and gauges whose names match."""
        text = self.admin("/stats?filter=" + urllib.request.quote(pattern))
        pairs = (line.split(": ") for line in text.splitlines())
        return {name: int(value) for name, value in pairs}

    def _await_ready(self):
        deadline = time.monotonic() + READY_SECONDS
        while time.monotonic() < deadline:
            if self.has_ended():
                raise RuntimeError(f"Envoy ended at its start:\n{self.log()}")
            try:
                if self.admin("/ready").strip() == "LIVE":
                    return
            except (OSError, ValueError):
                pass
            time.sleep(0.005)
        raise RuntimeError(f"Envoy is not ready after {READY_SECONDS} s:\n{self.log()}")

    def _ports(self):
        listeners = json.loads(self.admin("/listeners?format=json"))["listener_statuses"]
        return {
            status["name"]: status["local_address"]["socket_address"]["port_value"]
            for status in listeners
        }
