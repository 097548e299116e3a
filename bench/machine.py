"""Where figures are from, and a run's progress."""

import os
import platform
import subprocess
import time

import cpu


def show(line):
    """Progress."""
    print(f"bench: {line}", flush=True)


def described(envoy):
    """The machine, the Envoy and the day, for a run's JSON."""
    version = subprocess.run([envoy, "--version"], capture_output=True, text=True, check=True).stdout
    return {
        "cpu": cpu.model(),
        "cores": os.cpu_count(),
        "kernel": platform.release(),
        "envoy": version.split("version:")[-1].strip().split("/")[1],
        "day": time.strftime("%Y-%m-%d", time.gmtime()),
    }
