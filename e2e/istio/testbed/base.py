"""What every testbed has: programs, a folder, and an end to both."""

import shutil
import tempfile
from pathlib import Path

from .processes import Processes


class Testbed:
    """Starts with `with`, by the subclass's `start`, and leaves nothing behind, also where it did not start."""

    def __init__(self, logs: Path):
        self.processes = Processes(logs)
        # Not in the repository: the path of the agent's socket would be too long for the kernel.
        self.folder = Path(tempfile.mkdtemp(prefix="alb-authn-istio."))
        self.endpoint = None

    def __enter__(self):
        try:
            self.start()
        except BaseException:
            self.end()
            raise
        return self

    def __exit__(self, *_):
        self.end()

    def end(self):
        self.processes.end_all()
        if self.endpoint:
            self.endpoint.close()
        shutil.rmtree(self.folder, ignore_errors=True)
