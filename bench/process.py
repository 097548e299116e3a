"""One process that the benchmark starts: pinned to cores, awaited, ended."""

import subprocess
from pathlib import Path

import cpu


class Process:
    """A running program, whose output goes to a file; a context manager. A kind of program says how it is awaited."""

    def __init__(self, command, log_file, cores, **options):
        self._log_file = Path(log_file)
        with open(self._log_file, "wb") as log:
            self._process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, preexec_fn=cpu.pinned(cores), **options
            )
        self.pid = self._process.pid
        try:
            self._await_ready()
        except BaseException:
            self.close()
            raise

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def has_ended(self):
        """Whether it ended by itself."""
        return self._process.poll() is not None

    def close(self):
        """Ends the process."""
        self._process.terminate()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def log(self):
        """What it has logged so far."""
        return self._log_file.read_text(encoding="utf-8", errors="replace")

    def _await_ready(self):
        raise NotImplementedError
