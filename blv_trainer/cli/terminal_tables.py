"""Tables on the terminal, and the list of rows that could not be used."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from blv_trainer.corpora import as_cell
from blv_trainer.files import write_text


def format_table(header: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    """Lines of aligned columns: words to the left, numbers to the right; no cell drives the terminal."""
    cells = [[_printable(str(cell)) for cell in row] for row in (header, *rows)]
    widths = [max(len(row[k]) for row in cells) for k in range(len(header))]
    wordy = [any(not _is_number(row[k]) for row in cells[1:]) for k in range(len(header))]
    lines = [
        "  ".join(
            cell.ljust(width) if words else cell.rjust(width)
            for cell, width, words in zip(row, widths, wordy, strict=True)
        ).rstrip()
        for row in cells
    ]
    return "\n".join([lines[0], "-" * max(map(len, lines)), *lines[1:]])


def format_metrics(metrics: dict[str, dict[str, float]], names: Sequence[str]) -> str:
    """Metrics and per-class recall, one column for each split; accuracies and recalls in percent."""
    from blv_trainer.metrics import METRICS

    splits = metrics.values()
    rows = [["rows", *(of.get("num_rows", "") for of in splits)]]
    for key, metric in sorted(METRICS.items(), key=lambda item: not item[1].percent):
        rows.append([f"{key} %" if metric.percent else key, *(metric.format(of.get(key)) for of in splits)])
    if any("rmse_in_units" in of for of in splits):
        rows.append(["rmse, in the levels' units", *(METRICS["rmse"].format(of.get("rmse_in_units")) for of in splits)])
    percent = METRICS["macro_accuracy"].format  # the mean of the recalls
    rows += [[f"recall {name} %", *(percent(of.get(f"recall_{name}")) for of in splits)] for name in names]
    rows += [[f"predicted {name}", *(of.get(f"predicted_{name}", "") for of in splits)] for name in names]
    return format_table(["", *metrics], rows)


def write_unusable(unusable: Sequence[Any], folder: Path) -> None:
    """Write ``unusable_rows.csv`` if there are such rows."""
    if unusable:
        text = io.StringIO(newline="")
        writer = csv.writer(text)
        writer.writerow(["split", "source", "row", "reason", "value"])
        for row in unusable:
            writer.writerow(map(as_cell, [row.split, row.source, row.row, row.reason, row.value]))
        write_text(folder / "unusable_rows.csv", text.getvalue())


def _printable(text: str) -> str:
    return "".join(character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in text)


def _is_number(cell: str) -> bool:
    return re.fullmatch(r"-|[-+]?\d*\.?\d*", cell) is not None
