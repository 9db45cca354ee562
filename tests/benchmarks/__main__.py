"""``python -m tests.benchmarks [NAME ...] [--json FILE]``: measure, print one table, write JSON."""

from __future__ import annotations

import argparse
import dataclasses
import importlib
import json
import sys
from pathlib import Path

from tests.benchmarks.harness import REGISTERED, NotHereError, Row, conditions

_HEADINGS = ("what", "ours", "reference", "ratio", "target", "met", "note")


def main(argv: list[str] | None = None) -> int:
    """0 when every target that could be measured was met, 1 otherwise."""
    words = sys.argv[1:] if argv is None else argv
    if words[:1] == ["evidence"]:
        return importlib.import_module("tests.benchmarks.evidence").main(words[1:])
    for file in sorted(Path(__file__).parent.glob("bench_*.py")):
        importlib.import_module(f"tests.benchmarks.{file.stem}")
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__.split(":")[1])
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"default: all of {', '.join(sorted(REGISTERED))}")
    parser.add_argument("--json", type=Path, help="file for the figures")
    args = parser.parse_args(words)
    unknown = set(args.names) - set(REGISTERED)
    if unknown:
        parser.error(f"unknown: {', '.join(sorted(unknown))}; choose from {', '.join(sorted(REGISTERED))}")
    rows: list[Row] = []
    for name in args.names or sorted(REGISTERED):
        print(f"{name} ...", file=sys.stderr, flush=True)
        try:
            rows += REGISTERED[name]()
        except NotHereError as reason:
            print(f"  left out: {reason}", file=sys.stderr)
    print(table(rows))
    facts = {**conditions(), "command": "python -m tests.benchmarks " + " ".join(args.names)}
    print("\n" + ", ".join(f"{name} {value}" for name, value in facts.items()))
    if args.json:
        written = {"conditions": facts, "rows": [dataclasses.asdict(row) for row in rows]}
        args.json.write_text(json.dumps(written, indent=1) + "\n", encoding="utf-8")
    return int(any(row.met is False for row in rows))


def table(rows: list[Row]) -> str:
    """A Markdown table."""
    lines = ["| " + " | ".join(_HEADINGS) + " |", "|" + "---|" * len(_HEADINGS)]
    for row in rows:
        met = {True: "yes", False: "no", None: ""}[row.met]
        cells = (row.name, _figure(row.ours, row.unit), _figure(row.reference, row.unit), _figure(row.ratio, ""))
        lines.append("| " + " | ".join((*cells, row.target, met, row.note)) + " |")
    return "\n".join(lines)


def _figure(value: float | None, unit: str) -> str:
    return "" if value is None else f"{value:,.3g} {unit}".strip() if value < 1000 else f"{value:,.0f} {unit}".strip()


if __name__ == "__main__":
    sys.exit(main())
