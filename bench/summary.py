"""From samples to figures: what each case adds to its baseline, and ratios of those."""

from statistics import median


def figures(case_samples, baseline_samples):
    """`min` and `median` of the CPU time added per request (µs), and how wrk saw the requests."""
    taken = [sample.cpu_us for sample in case_samples]
    base = [sample.cpu_us for sample in baseline_samples]
    return {
        "cpu_min": min(taken),
        "cpu_median": median(taken),
        "service_median": median(sample.service_us for sample in case_samples),
        # How far apart the rounds are.
        "spread": max(taken) / min(taken) - 1,
        "added_min": min(taken) - min(base),
        "added_median": median(taken) - median(base),
        "per_second": median(sample.per_second for sample in case_samples),
        "p50_us": median(sample.p50_us for sample in case_samples),
        "p99_us": median(sample.p99_us for sample in case_samples),
        "samples": [round(value, 2) for value in taken],
    }


def ratio(results, case, other, figure="added_min"):
    """What one case adds, as a multiple of what the other adds; None if one was not run."""
    if case not in results or other not in results or results[other][figure] <= 0:
        return None
    return results[case][figure] / results[other][figure]
