"""The part of docs/benchmarks.md on what grows or changes while a gateway runs."""

from growth import COLD_RATE, RESTART_RATE, UPDATES
from markdown import table


def section(run):
    """Text and tables; nothing if this was not measured."""
    if "growth" not in run:
        return ""
    found = run["growth"]
    parts = ["## Growth and change", updates(found["updates"]), cold_starts(found["cold_starts"]), restart(found)]
    return "\n\n".join(parts)


def updates(found):
    """Memory and cost after many configuration updates."""
    rows = []
    for kind, taken in found.items():
        before, after = taken["before"], taken["after"]
        figures = [each["memory"] / 2**20 for each in (before, after)]
        figures += [before["cpu_us"], after["cpu_us"], taken["update_cpu_ms"]]
        rows.append([kind, *(f"{figure:.1f}" for figure in figures)])
    head = ("filter", "MiB before", "MiB after", "new token before (µs)", "after (µs)", "an update's CPU time (ms)")
    return f"After {UPDATES} updates of the listener, each with another configuration of the filter:\n\n" + table(head, rows)


def cold_starts(found):
    """When waiters are served."""
    rows = []
    for start in found:
        what = "key and key set" if start["access"] else "key"
        figures = [start["waiters"], round(start["first_ms"]), round(start["last_ms"])]
        rows.append([f"{what}, endpoint takes {start['delay_ms']} ms", *map(str, figures), answered(start["statuses"])])
    return (
        f"A gateway without a key gets {COLD_RATE:,} requests a second at once, all with new tokens. When it serves the first and "
        "the last of those that wait for the fetch:\n\n"
        + table(("what is fetched", "waiters", "first served (ms)", "last (ms)", "responses"), rows)
    )


def restart(found):
    """The rolling restart."""
    return (
        f"Two gateways behind a balancer were restarted in turn under {RESTART_RATE} requests a second, each after its health "
        f"checks failed and its last response was sent. Responses: {answered(found['rolling_restart']['statuses'])}."
    )


def answered(statuses):
    """How many requests got which status; keys are texts in a run's JSON."""
    named = {str(status): count for status, count in statuses.items()}
    return ", ".join(f"{count:,} × {'none' if status == '0' else status}" for status, count in named.items())
