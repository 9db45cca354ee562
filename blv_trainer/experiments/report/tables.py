"""The analysis as tables of text: for the terminal, Markdown, CSV and HTML."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from blv_trainer.metrics import METRICS

# Tsai et al.: Mitigating Data Imbalance in Automated Speaking Assessment. 2025, arXiv 2509.03010, Table 2. ICNALE-ASA,
# text input, 217 test samples, one run each; the metrics in the order of METRICS, accuracies in percent.
_PUBLISHED = {
    "BERT (Tsai et al. 2025)": (55.30, 47.96, 91.71, 85.79, 0.8614, 0.9449, 0.6690, 0.4672),
    "+ focal loss (Tsai et al. 2025)": (54.83, 48.13, 90.32, 83.67, 0.8877, 0.9646, 0.6466, 0.4828),
    "+ BLV, sigma 2 (Tsai et al. 2025)": (57.14, 48.60, 91.24, 86.45, 0.8587, 0.9598, 0.6719, 0.5000),
    "+ BLV, sigma 6 (Tsai et al. 2025)": (56.22, 49.29, 92.17, 87.12, 0.8479, 0.9281, 0.6748, 0.4952),
}
_IN_PAPER = [name for name, metric in METRICS.items() if metric.in_paper]
_COMPARED = ("accuracy", "macro_accuracy", "macro_f1", "macro_rmse", "qwk")


class Table(NamedTuple):
    """A heading, a sentence, column headings and rows of text."""

    title: str
    note: str
    header: list[str]
    rows: list[list[str]]


def make_tables(analysis: dict[str, Any]) -> list[Table]:
    """Results, spread over seeds, differences, decisions, thresholds of assessment, and the published rows."""
    return [
        _results(analysis),
        _differences(analysis),
        _spread(analysis),
        _validation(analysis),
        _flags(analysis),
        published_table(),
    ]


def table_cells(analysis: dict[str, Any]) -> tuple[list[str], list[list[str]]]:
    """Header and rows for the terminal: the means alone."""
    shown = ["accuracy", "macro_accuracy", "adjacent_accuracy", "macro_rmse", "pcc", "macro_f1", "qwk"]
    rows = [
        [entry["title"], entry["decision"], *(METRICS[m].format(entry["test"][m]["mean"]) for m in shown)]
        for entry in analysis["rows"].values()
    ]
    return ["method", "decision", *_headings(shown)], rows


def as_markdown(tables: Sequence[Table]) -> str:
    """All tables, one after the other."""
    parts = []
    for table in tables:
        lines = [_markdown_row(table.header), "|" + "---|" * len(table.header), *map(_markdown_row, table.rows)]
        parts.append("\n".join([f"## {table.title}", "", table.note, "", *lines]))
    return "\n\n".join(parts) + "\n"


def as_csv(analysis: dict[str, Any]) -> str:
    """One line for each method, decision and metric, in full precision; the published rows are not among them."""
    keys = ["mean", "sd_over_seeds", "low", "high", "difference", "difference_low", "difference_high", "p", "p_holm"]
    lines = io.StringIO()
    writer = csv.writer(lines, lineterminator="\n")
    writer.writerow(["method", "decision", "metric", "seeds", *keys])
    for entry in analysis["rows"].values():
        for metric, spread in entry["test"].items():
            interval, difference, p = (entry[part].get(metric, {}) for part in ("intervals", "differences", "p_values"))
            values = [*spread.values(), interval.get("low"), interval.get("high")]
            values += [
                difference.get("value"),
                difference.get("low"),
                difference.get("high"),
                p.get("p"),
                p.get("holm"),
            ]
            cells = ["" if value is None or value != value else repr(float(value)) for value in values]
            writer.writerow([entry["method"], entry["decision"], metric, len(analysis["seeds"]), *cells])
    return lines.getvalue()


def published_table() -> Table:
    """The paper's rows, which are never mixed with ours."""
    decimals = [2 if METRICS[name].percent else 4 for name in _IN_PAPER]
    rows = [
        [name, *(f"{value:.{digits}f}" for value, digits in zip(values, decimals, strict=True))]
        for name, values in _PUBLISHED.items()
    ]
    return Table(
        "Published on ICNALE-ASA",
        "published, n = 217, one run, split by sample, so that speakers leak from training into test. Other data, "
        "other conditions: not to be compared with the rows above line by line. One standard error of accuracy is 3.4 "
        "points there.",
        ["system", *_headings(_IN_PAPER)],
        rows,
    )


def formatted_p(p: float | None) -> str:
    """A p-value, such as "p = 0.031" or "p < .001"; nothing where it is undefined."""
    if p is None or p != p:
        return ""
    return "p < .001" if p < 0.001 else f"p = {p:.3f}"


def _results(analysis: dict[str, Any]) -> Table:
    rows = []
    for entry in analysis["rows"].values():
        cells = [_with_interval(metric, entry) for metric in METRICS]
        rows.append([entry["title"], entry["decision"], *cells])
    note = (
        f"Test set, n = {analysis['num_test']}; mean over {len(analysis['seeds'])} seed(s), in brackets the 95 % "
        f"bootstrap interval (BCa, {analysis['num_resamples']:,} resamples of {analysis['num_groups']} "
        f"{analysis['resampled']}). raw: the largest logit. consistent: training's expected shift added back. tuned: "
        f"prior correction chosen on validation for {_weights(analysis)}. Macro metrics are means over the classes "
        "that a resample holds; resamples for which a metric is undefined do not count. ECE has no interval."
    )
    return Table("Results", note, ["method", "decision", *_headings(METRICS)], rows)


def _differences(analysis: dict[str, Any]) -> Table:
    rows = []
    for entry in analysis["rows"].values():
        if entry["differences"]:
            rows.append([entry["title"], entry["decision"], *(_difference(metric, entry) for metric in _COMPARED)])
    found = analysis["detectable_difference"]
    detectable = [METRICS[metric].format(found.get(metric), fewer=1) for metric in _COMPARED]
    if rows:
        rows.append(["detectable difference", "", *detectable])
    baseline = analysis["rows"][analysis["baseline"]]
    equal = [entry for entry in analysis["rows"].values() if entry is not baseline and not entry["differences"]]
    left_out = f" Left out: {len(equal)} row(s) with the baseline's very answers." if equal else ""
    note = (
        f"Difference to {baseline['title']} ({baseline['decision']}) on the same samples, with its 95 % interval and "
        "the p-value of a paired permutation test, Holm-corrected over the rows of a column. Intervals and tests are "
        "about other test samples; about other training runs, see the spread over seeds. The detectable difference is "
        "the smallest true one that a test set of this size and kind shows in 80 % of cases (median over the rows)."
        f"{left_out}"
    )
    header = ["method", "decision", *_headings(_COMPARED)]
    return Table("Differences to the baseline", note, header, rows)


def _spread(analysis: dict[str, Any]) -> Table:
    shown = [*_IN_PAPER, "qwk"]
    rows = []
    for entry in analysis["rows"].values():
        spreads = [[METRICS[m].format(entry["test"][m][part]) for part in ("mean", "sd_over_seeds")] for m in shown]
        cells = ["-" if mean == "-" else f"{mean} ± {sd}" for mean, sd in spreads]
        rows.append([entry["title"], entry["decision"], *cells])
    note = f"Mean ± standard deviation over runs; seeds {', '.join(map(str, analysis['seeds']))}."
    return Table("Spread over seeds", note, ["method", "decision", *_headings(shown)], rows)


def _validation(analysis: dict[str, Any]) -> Table:
    metrics = list(dict.fromkeys([*analysis["tuned_for"], "accuracy", "macro_accuracy", "qwk"]))
    rows = []
    for key, entry in analysis["rows"].items():
        taus = [decision["tau"] for decision in entry["decisions"] if "tau" in decision]
        tau = f"{sum(taus) / len(taus):.2f}" if taus else "-"
        mark = "chosen" if key == analysis["chosen"] else ""
        cells = [METRICS[metric].format(entry["validation"][metric]) for metric in metrics]
        rows.append([entry["title"], entry["decision"], tau, *cells, f"{entry['validation_score']:.4f}", mark])
    note = (
        f"What choices are made on. The score is {_weights(analysis)}; the best row is chosen, without a look at the "
        "test rows. tau: mean over runs of how often the log prior was taken off."
    )
    header = ["method", "decision", "tau", *_headings(metrics), "score", ""]
    return Table("Validation", note, header, rows)


def _flags(analysis: dict[str, Any]) -> Table:
    limits = {"qwk": (0.7, "below .70"), "pcc": (0.7, "below .70"), "accuracy": (0.5, "below 50 %")}
    limits["adjacent_accuracy"] = (0.95, "below 95 %")
    rows = []
    for entry in analysis["rows"].values():
        value = {metric: spread["mean"] for metric, spread in entry["test"].items()}
        found = [f"{METRICS[m].heading} {words}" for m, (limit, words) in limits.items() if not value[m] >= limit]
        if not abs(value["smd"]) <= 0.15:
            found.append("SMD beyond ±.15")
        rows.append([entry["title"], entry["decision"], "; ".join(found) or "none"])
    note = (
        "What automated scoring in assessment is commonly held to (Williamson et al. 2012; ETS' RSMTool). Most of the "
        "thresholds are meant for large samples and human scores that were checked."
    )
    return Table("Thresholds of assessment practice", note, ["method", "decision", "flags"], rows)


def _headings(metrics: Iterable[str]) -> list[str]:
    return [METRICS[metric].heading for metric in metrics]


def _weights(analysis: dict[str, Any]) -> str:
    weights = analysis["tuned_for"]
    if len(set(weights.values())) == 1:
        return " + ".join(weights)
    return " + ".join(f"{weight:g} {metric}" for metric, weight in weights.items())


def _with_interval(metric: str, entry: dict[str, Any]) -> str:
    value = METRICS[metric].format(entry["test"][metric]["mean"])
    interval = entry["intervals"].get(metric)
    if interval is None or value == "-":
        return value
    low, high = (METRICS[metric].format(interval[end], fewer=1) for end in ("low", "high"))
    return f"{value} [{low}, {high}]"


def _difference(metric: str, entry: dict[str, Any]) -> str:
    found, p = entry["differences"][metric], entry["p_values"].get(metric, {}).get("holm")
    low, high = (_signed(metric, found[end]) for end in ("low", "high"))
    return ", ".join(filter(None, [f"{_signed(metric, found['value'])} [{low}, {high}]", formatted_p(p)]))


def _signed(metric: str, value: float | None) -> str:
    text = METRICS[metric].format(value, fewer=1)
    return text if text.startswith("-") else f"+{text}"


def _markdown_row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(map(_markdown_cell, cells)) + " |"


def _markdown_cell(cell: str) -> str:
    """Text that stays in its cell and is no HTML and no link."""
    cell = re.sub(r"<(?=[A-Za-z/!?])", "&lt;", " ".join(cell.splitlines()))
    return cell.replace("|", "\\|").replace("](", "]\\(")
