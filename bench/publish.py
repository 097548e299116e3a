"""Writes what the runs found: `python3 bench/publish.py docs` does so from the JSON of the last ones.

docs/benchmarks.md has the figures of `make bench` and of `make bench-alternatives`; each run renews its own and leaves the
other's as they are.
"""

import argparse
import json
from pathlib import Path

import page
import plot

BENCHMARKS, ALTERNATIVES = "benchmarks", "alternatives"


def finish(run, name, json_file, docs):
    """Shows a run's tables, and writes its figures into a file, or into the documents."""
    shown = {name: run}
    print(page.tables(shown.get(BENCHMARKS), shown.get(ALTERNATIVES)))
    if json_file:
        write(json_file, run)
    if docs:
        write(docs / f"{name}.json", run)
        for file, text in rendered(docs).items():
            file.write_text(text, encoding="utf-8")


def write(file, run):
    """A run's figures."""
    file.write_text(json.dumps(run, indent=1) + "\n", encoding="utf-8")


def rendered(docs):
    """The page and the pictures from the figures in a folder: file → text."""
    run, alternatives = (read(docs / f"{name}.json") for name in (BENCHMARKS, ALTERNATIVES))
    texts = {docs / "benchmarks.md": page.page(run, alternatives), docs / "benchmarks.svg": plot.added(run)}
    if alternatives:
        texts[docs / "alternatives.svg"] = plot.alternatives(alternatives)
    return texts


def read(file):
    """A run's figures; None if there was none."""
    return json.loads(file.read_text(encoding="utf-8")) if file.exists() else None


def main():
    """Renews the page, or says that it is not what the figures are."""
    parser = argparse.ArgumentParser(description="docs/benchmarks.md from the figures of the last runs.")
    parser.add_argument("docs", type=Path)
    parser.add_argument("--check", action="store_true", help="write nothing; fail if a file is not up to date")
    options = parser.parse_args()
    for file, text in rendered(options.docs).items():
        if not options.check:
            file.write_text(text, encoding="utf-8")
        elif file.read_text(encoding="utf-8") != text:
            raise SystemExit(f"{file} is not what its figures are: python3 bench/publish.py {options.docs}")


if __name__ == "__main__":
    main()
