"""Programs that run beside the tests: started, watched, and all ended with the test run."""

import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

PATIENCE_SECONDS = 90
END_SECONDS = 10
GIVEN_PORTS = set()


class Skipped(Exception):
    """A test needs something that is not installed on this machine."""


class NeverHappened(AssertionError):
    """A condition did not come true in time."""


def eventually(what, condition, seconds=PATIENCE_SECONDS):
    """Polls `condition` until it returns something true and returns that. A condition that raises
    AssertionError or OSError does not hold yet."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            found, why = condition(), ""
        except (AssertionError, OSError) as error:
            found, why = None, f" ({error})"
        if found:
            return found
        if time.monotonic() > deadline:
            raise NeverHappened(f"never came true: {what}{why}")
        time.sleep(0.1)


def free_port():
    """A port of 127.0.0.1 that nothing listens on, another one at each call. It is below those that the kernel gives
    to outgoing connections: one of these would else take it before the program that it is meant for."""
    while True:
        port = random.randint(10000, 29999)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        if port not in GIVEN_PORTS:
            GIVEN_PORTS.add(port)
            return port


def is_open(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def end_on_signals():
    """Ctrl-C and SIGTERM end the program in good order, also where a shell started it with SIGINT ignored."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))


class Processes:
    """Programs by name, each in a process group of its own, each with a log file."""

    def __init__(self, logs: Path):
        self.logs = logs
        self.running = {}
        shutil.rmtree(logs, ignore_errors=True)
        logs.mkdir(parents=True)

    def start(self, name, command, env=None, cwd=None):
        assert name not in self.running, f"{name} runs already"
        with open(self.log(name), "ab") as log:
            self.running[name] = subprocess.Popen(
                [str(word) for word in command],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=cwd,
                env={**os.environ, **(env or {})},
                start_new_session=True,
            )

    def log(self, name) -> Path:
        return self.logs / f"{name}.log"

    def log_text(self, name):
        return self.log(name).read_text(errors="replace")

    def await_ready(self, name, condition):
        """Awaits that a program which was just started is ready; fails at once where it ended."""

        def ready():
            status = self.running[name].poll()
            if status is not None:
                raise RuntimeError(f"{name} ended with status {status}: see {self.log(name)}")
            return condition()

        eventually(f"{name} is ready", ready)

    def ended(self):
        """Names of the programs that ended by themselves."""
        return [name for name, process in self.running.items() if process.poll() is not None]

    def end(self, name):
        process = self.running.pop(name)
        signal_group(process, signal.SIGTERM)
        try:
            process.wait(END_SECONDS)
        except subprocess.TimeoutExpired:
            pass
        # What a program started itself (the agent: Envoy) goes with it.
        signal_group(process, signal.SIGKILL)
        process.wait()

    def end_all(self):
        # An impatient second Ctrl-C would leave some of them running.
        handlers = {number: signal.signal(number, signal.SIG_IGN) for number in (signal.SIGINT, signal.SIGTERM)}
        for process in self.running.values():
            signal_group(process, signal.SIGTERM)
        # The last started first: nobody complains to its log that what it needs is gone.
        for name in reversed(list(self.running)):
            self.end(name)
        for number, handler in handlers.items():
            signal.signal(number, handler)


def signal_group(process, number):
    try:
        os.killpg(process.pid, number)
    except ProcessLookupError:
        pass


def run(command, stdin=None, check=True, env=None):
    """Runs a program to its end; its output with its errors is part of what a failure says."""
    done = subprocess.run(
        [str(word) for word in command],
        input=stdin,
        capture_output=True,
        text=True,
        env={**os.environ, **(env or {})},
        timeout=300,
    )
    if check and done.returncode != 0:
        words = " ".join(str(word) for word in command)
        raise AssertionError(f"{words}\nended with status {done.returncode}:\n{done.stdout}{done.stderr}")
    return done
