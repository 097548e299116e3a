"""Runs tests on a site, one after the other, and counts."""

import sys
import time
import traceback

from .processes import LeftOut

PASSED, FAILED, LEFT_OUT = "passed", "failed", "left out"


def chosen_tests(tests, words):
    """The tests whose names hold one of the words; all of them without words."""
    chosen = [test for test in tests if not words or any(word in test.__name__ for word in words)]
    return chosen or sys.exit(f"no test's name holds {' or '.join(words)}")


def run_on(new_site, logs, tests):
    """A result for each test; all of them fail where the site does not start."""
    started = time.monotonic()
    try:
        with new_site(logs) as site:
            print(f"started in {time.monotonic() - started:.0f} s", flush=True)
            return [result_of(test, site, logs) for test in tests]
    except Exception:
        traceback.print_exc()
        print(f"the control plane did not start: logs are in {logs}", flush=True)
        return [FAILED] * len(tests)


def exit_status(results):
    """Says what came out."""
    passed, failed, left_out = (results.count(result) for result in (PASSED, FAILED, LEFT_OUT))
    print(f"\n{passed} passed, {failed} failed, {left_out} left out")
    return 0 if passed and not failed else 1


def result_of(test, site, logs):
    print(f"test {test.__name__} ... ", end="", flush=True)
    started = time.monotonic()
    try:
        test(site)
    except LeftOut as reason:
        print(f"left out: {reason}", flush=True)
        return LEFT_OUT
    except Exception:
        print(f"FAILED ({time.monotonic() - started:.1f} s)")
        traceback.print_exc(file=sys.stdout)
        print(f"logs are in {logs}", flush=True)
        recover(site)
        return FAILED
    print(f"ok ({time.monotonic() - started:.1f} s)", flush=True)
    return PASSED


def recover(site):
    """What a failed test leaves behind shall not fail the next."""
    try:
        site.restore()
    except Exception as error:
        print(f"the site could not be restored: {error}", flush=True)
