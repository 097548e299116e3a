"""An OCI registry, and the filter's image in it."""

import re
from pathlib import Path

from . import programs
from .processes import Processes, free_port, is_open, run


class Registry:
    """Debian's `docker-registry`, without TLS, on 127.0.0.1."""

    def __init__(self, processes: Processes, folder: Path):
        self.processes = processes
        self.port = free_port()
        self.config = folder / "registry.yaml"
        folder.mkdir(parents=True, exist_ok=True)
        self.config.write_text(CONFIG % (folder / "registry", self.port))
        self.start()

    def start(self):
        if "registry" in self.processes.running:
            return
        self.processes.start("registry", [programs.REGISTRY, "serve", self.config])
        self.processes.await_ready("registry", lambda: is_open(self.port))

    def stop(self):
        """Until the next `start`; what was pushed stays."""
        self.processes.end("registry")

    def push(self, image: Path, repository="alb-authn"):
        """Pushes an image that lies in a folder as OCI layout; returns its URL with its digest."""
        name = f"127.0.0.1:{self.port}/{repository}"
        pushed = run([programs.CRANE, "push", "--insecure", image, f"{name}:test"]).stdout
        return f"oci://{name}@{pushed.strip().rpartition('@')[2]}"

    def pulled(self, url):
        """How often a manifest was fetched by this URL's digest."""
        repository, digest = re.fullmatch(r"oci://[^/]+/(.+)@(.+)", url).groups()
        path = f"/v2/{repository}/manifests/{digest}"
        log = self.processes.log_text("registry")
        return len(re.findall(f'"GET {re.escape(path)} HTTP/1.1" 200', log))


CONFIG = """version: 0.1
log: {accesslog: {disabled: false}}
storage: {filesystem: {rootdirectory: "%s"}}
http: {addr: "127.0.0.1:%d"}
"""
