"""Runs tests on a site, one after the other, and counts."""

import sys
import time
import traceback

from .processes import Skipped

PASSED, FAILED, SKIPPED = "passed", "failed", "skipped"


def name_of(test):
    """The topic, which is the module's name, and what the test shows: `bearer.test_an_invalid_bearer_is_refused`."""
    return f"{test.__module__.rpartition('.')[2]}.{test.__name__}"


def chosen_tests(tests, words):
    """The tests whose names contain one of the words; all of them without words."""
    chosen = [test for test in tests if not words or any(word in name_of(test) for word in words)]
    return chosen or sys.exit(f"no test's name contains {' or '.join(words)}")


def run_on(new_site, logs, tests):
    """A result for each test; all of them fail if the site does not start."""
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
    passed, failed, skipped = (results.count(result) for result in (PASSED, FAILED, SKIPPED))
    print(f"\n{passed} passed, {failed} failed, {skipped} skipped")
    return 0 if passed and not failed else 1


def result_of(test, site, logs):
    print(f"test {name_of(test)} ... ", end="", flush=True)
    started = time.monotonic()
    try:
        test(site)
    except Skipped as reason:
        print(f"skipped: {reason}", flush=True)
        return SKIPPED
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
