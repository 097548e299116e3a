"""Holds the filter's verdicts against those of other verifiers.

Each difference must be listed in the file of differences, with the reason why the filter is right, and each entry
there must still be seen: the list says what is true of the pinned versions, no more and no less. A verdict of null
means that the verifier does not know this kind of token.
"""

import collections
import json
import sys


def read(path):
    with open(path, encoding="utf-8") as file:
        return json.load(file)


def main():
    cases_path, listed_path, *verdict_paths = sys.argv[1:]
    cases = read(cases_path)["cases"]
    listed = {
        (entry["verifier"], family, entry["filter"]): entry
        for entry in read(listed_path)
        for family in entry["families"]
    }
    seen = collections.Counter()
    examples = {}
    for path in verdict_paths:
        verifier, file = path.split("=", 1)
        verdicts = read(file)
        assert len(verdicts) == len(cases), f"{verifier} judged {len(verdicts)} of {len(cases)}"
        for case, verdict in zip(cases, verdicts):
            if verdict is None or (verdict == "ok") == case["accepted"]:
                continue
            side = "accepts" if case["accepted"] else "rejects"
            key = (verifier, case["family"], side)
            seen[key] += 1
            examples.setdefault(key, f"{case['reason']} / {verdict}: {case['token'][-60:]!r}")
        judged = [(c, v) for c, v in zip(cases, verdicts) if v is not None]
        agreed = sum((v == "ok") == c["accepted"] for c, v in judged)
        print(f"{verifier}: {agreed} of {len(judged)} verdicts are the same")
    unexplained = [key for key in seen if key not in listed]
    gone = [key for key in listed if key not in seen]
    for key in sorted(seen):
        print(f"  {seen[key]:4} {key[0]}: the filter {key[2]}: {key[1]} ({examples[key]})")
    for key in unexplained:
        print(f"not explained in {listed_path}: {key}")
    for key in gone:
        print(f"in {listed_path}, but not seen: {key}")
    sys.exit(bool(unexplained or gone))


main()
