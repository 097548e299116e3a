"""What the page says of a run."""

import unittest

import goals
import growth_page
import pace
import page
from alternatives_page import ROWS


def alternatives(service_us):
    """A run in which the filter adds 20 µs."""
    added = {"ours": 20.0, "PyJWT": service_us}
    figures = {"service_median": 1.0, "spread": 0.1, "per_second": 1, "paced_p50_us": 1, "paced_p99_us": 1}
    cases = {}
    for name, _ in ROWS:
        us = added.get(name, 1000.0)
        for kind in ("new", "repeated"):
            cases[f"{name}, {kind}"] = figures | {"added_min": us, "added_median": us}
    return {"rate": 400, "cases": cases}


class Goals(unittest.TestCase):
    """The goal of five times less than with a service."""

    def test_the_cheapest_service_decides(self):
        for service_us, reached in ((99.0, False), (101.0, True)):
            with self.subTest(service_us):
                found = goals.goals(None, alternatives(service_us))
                self.assertEqual([measured <= limit for _, measured, limit, _ in found], [reached, reached])

    def test_a_run_shows_its_own_tables_only(self):
        shown = page.tables(None, alternatives(200.0))
        self.assertIn("PyJWT, Python service | 200.0 | 200.0 | 1 | 10% | 10.00 | 10.00", shown)
        self.assertNotIn("jwt_authn cached", shown)


class Pace(unittest.TestCase):
    """What is made of the answers."""

    def test_percentiles_are_those_that_so_many_requests_did_not_exceed(self):
        taken = [pace.Answer(0, us, 200) for us in range(100, 0, -1)]
        self.assertEqual([pace.percentile_us(taken, percent) for percent in (50, 99, 100)], [50, 99, 100])


class Growth(unittest.TestCase):
    """The responses under change."""

    def test_a_request_without_a_response_is_named(self):
        # JSON's keys are texts, a run's are numbers.
        for statuses in ({0: 1, 200: 3000}, {"0": 1, "200": 3000}):
            self.assertEqual(growth_page.answered(statuses), "1 × none, 3,000 × 200")


if __name__ == "__main__":
    unittest.main()
