"""The analysis as tables of text: for the terminal, Markdown, CSV and HTML."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from blv_trainer.decision import Decision
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
_HUMAN = ("human raters", "among themselves")
_DETECTABLE = "detectable difference"
_SHOWN = 5  # subgroups in one cell
_COMPARED = ("accuracy", "macro_accuracy", "macro_f1", "macro_rmse", "qwk")


class Table(NamedTuple):
    """A heading, a sentence, column headings and rows of text."""

    title: str
    note: str
    header: list[str]
    rows: list[list[str]]


def make_tables(analysis: dict[str, Any]) -> list[Table]:
    """The tables in the order of the page: answers, whole groups, then what stands behind them.

    Those of one model have no column of methods, and neither a spread over seeds nor a choice.
    """
    levels = ["rows", "by_group"] if analysis["by_group"] else ["rows"]
    if "judged" in analysis:
        tables = [_results(analysis, "rows"), _flags(analysis), *(_results(analysis, level) for level in levels[1:])]
        tables += [_differences(analysis, level) for level in levels if len(analysis["rows"]) > 1]
        tables = [_without_methods(table) for table in tables]
    else:
        tables = [table(analysis, level) for level in levels for table in (_results, _differences)]
        tables += [_spread(analysis), _choice(analysis), _flags(analysis)]
    return [*tables, published_table()] if analysis["is_icnale"] else tables


def table_cells(analysis: dict[str, Any], *, level: str = "rows") -> tuple[list[str], list[list[str]]]:
    """Header and rows for the terminal: the means alone; ``level`` is "rows" for answers or "by_group"."""
    shown = ["accuracy", "macro_accuracy", "adjacent_accuracy", "macro_rmse", "pcc", "macro_f1", "qwk"]
    rows = [
        [*_named(entry), *(METRICS[m].format(entry["test"][m]["mean"]) for m in shown)]
        for entry in analysis[level].values()
    ]
    if level == "rows" and "human" in analysis:
        rows.append([*_HUMAN, *(METRICS[m].format(analysis["human"].get(m)) for m in shown)])
    return ["method", "decision", *_headings(shown)], rows


def as_markdown(tables: Sequence[Table]) -> str:
    """All tables, one after the other."""
    parts = []
    for table in tables:
        lines = [_markdown_row(table.header), "|" + "---|" * len(table.header), *map(_markdown_row, table.rows)]
        parts.append("\n".join([f"## {table.title}", "", table.note, "", *lines]))
    return "\n\n".join(parts) + "\n"


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


def _results(analysis: dict[str, Any], level: str) -> Table:
    entries = analysis[level].values()
    rows = [[*_named(entry), *(_with_interval(metric, entry) for metric in METRICS)] for entry in entries]
    header = ["method", "decision", *_headings(METRICS)]
    if in_units := [entry["rmse_in_units"] for entry in entries if "rmse_in_units" in entry]:  # levels are numbers
        header.append("RMSE in units")
        rows = [[*row, METRICS["rmse"].format(value)] for row, value in zip(rows, in_units, strict=True)]
    runs = len(analysis["seeds"])
    seeds = f"{f'mean over {runs} seeds, ' if runs > 1 else ''}in brackets the 95 % bootstrap interval (BCa, "
    seeds += f"{analysis['num_resamples']:,} resamples"
    if level == "by_group":
        groups = analysis["judged_groups"]
        note = (
            f"Whole groups ({groups['column']}), n = {groups['number']}: the mean log-probabilities of a group's "
            f"answers, decided once; {seeds} of groups). "
        )
        if groups["with_two_labels"]:
            note += f"Not judged: {groups['with_two_labels']} group(s) whose answers have more than one label. "
        return Table("Results by group", note, header, rows)
    note = (
        f"{_tested(analysis)}; {seeds} of {analysis['num_groups']} {analysis['resampled']}). {_decisions(analysis)}"
        "Macro metrics are means over the classes that a resample holds; resamples for which a metric is undefined do "
        "not count. ECE has no interval."
    )
    if "human" in analysis:
        human = [METRICS[metric].format(analysis["human"].get(metric)) for metric in METRICS]
        rows.append([*_HUMAN, *human, *(["-"] if in_units else [])])
        note += " human raters: each against each other, mean over pairs."
    if in_units:
        note += " RMSE in units: in the levels' own, while RMSE counts places."
    return Table("Results", note, header, rows)


def _decisions(analysis: dict[str, Any]) -> str:
    """The decisions that there are."""
    tuned = "tuned: temperature, prior correction and cost of far errors"
    if "judged" not in analysis:
        chosen_on = "for each fold on the others" if analysis["num_folds"] else "on validation"
        tuned += f" chosen {chosen_on} for {objective_in_words(analysis)}"
    told = {
        "raw": "raw: the largest logit. ",
        "consistent": "shift added back: what training added to the logits on average is added again. ",
        "tuned": f"{tuned}. ",
    }
    found = {entry["decision"] for entry in analysis["rows"].values()}
    return "".join(words for name, words in told.items() if name in found)


def _without_methods(table: Table) -> Table:
    """A table with the decision in the first column in place of the method, where there is one."""
    rows = [[row[1] if row[0] not in (_HUMAN[0], _DETECTABLE) else row[0], *row[2:]] for row in table.rows]
    return table._replace(header=table.header[1:], rows=rows)


def _tested(analysis: dict[str, Any]) -> str:
    if "judged" in analysis:
        return f"{analysis['judged']}, n = {analysis['num_test']}"
    if analysis["num_folds"]:
        return f"All rows, n = {analysis['num_test']}, each tested once a seed in {analysis['num_folds']} folds"
    return f"Test set, n = {analysis['num_test']}"


def _named(entry: dict[str, Any]) -> list[str]:
    return [entry["title"], Decision.in_words(entry["decision"])]


def _differences(analysis: dict[str, Any], level: str) -> Table:
    rows = []
    for entry in analysis[level].values():
        if entry["differences"]:
            rows.append([*_named(entry), *(_difference(metric, entry) for metric in _COMPARED)])
    by_group = level == "by_group"
    found = analysis["detectable_by_group" if by_group else "detectable_difference"]
    detectable = [METRICS[metric].format(found.get(metric), fewer=1) for metric in _COMPARED]
    if rows:
        rows.append([_DETECTABLE, "", *detectable])
    baseline = analysis[level][analysis["baseline"]]
    equal = [entry for entry in analysis[level].values() if entry is not baseline and not entry["differences"]]
    left_out = f" Left out: {len(equal)} row(s) with the baseline's very answers." if equal else ""
    note = (
        f"Difference to {'raw' if 'judged' in analysis else baseline['title'] + ' (raw)'} on the same "
        f"{'groups' if by_group else 'samples'}, with its 95 % "
        "interval and the p-value of a paired permutation test, Holm-corrected over the rows of a column. Intervals "
        "and tests are about other test samples"
        f"{'' if 'judged' in analysis else '; about other training runs, see the spread over seeds'}. The detectable "
        "difference is the smallest true one that a test set of this size and kind shows in 80 % of cases (median over "
        f"the rows).{left_out}"
    )
    header = ["method", "decision", *_headings(_COMPARED)]
    return Table(f"Differences to the baseline{' by group' if by_group else ''}", note, header, rows)


def _spread(analysis: dict[str, Any]) -> Table:
    shown = [*_IN_PAPER, "qwk"]
    rows = []
    for entry in analysis["rows"].values():
        spreads = [[METRICS[m].format(entry["test"][m][part]) for part in ("mean", "sd_over_seeds")] for m in shown]
        cells = ["-" if mean == "-" else f"{mean} ± {sd}" for mean, sd in spreads]
        rows.append([*_named(entry), *cells])
    note = f"Mean ± standard deviation over runs; seeds {', '.join(map(str, analysis['seeds']))}."
    return Table("Spread over seeds", note, ["method", "decision", *_headings(shown)], rows)


def _choice(analysis: dict[str, Any]) -> Table:
    metrics = list(dict.fromkeys([*analysis["tuned_for"], "accuracy", "macro_accuracy", "qwk"]))
    rows = []
    for key, entry in analysis["rows"].items():
        parts = [_mean_of([of.get(name) for of in entry["decisions"]]) for name in ("temperature", "tau", "power")]
        mark = "chosen" if key == analysis["chosen"] else ""
        cells = [METRICS[metric].format(entry["judged"][metric]) for metric in metrics]
        score = "-" if entry["objective"] != entry["objective"] else f"{entry['objective']:.4f}"
        rows.append([*_named(entry), *parts, *cells, score, mark])
    judged = (
        "Choices are made on all rows, each decided by what the other folds say; so the chosen row's figures flatter "
        "it by as much as its lead over the next is chance"
        if analysis["num_folds"]
        else "Choices are made on the validation rows, without a look at the test rows"
    )
    note = (
        f"{judged}. The objective is {objective_in_words(analysis)}; a dash where it is undefined or accuracy is "
        "clearly lower than the baseline's. "
        "temperature, tau (how often the log prior was taken off) and power (of an error's cost): means over runs."
    )
    header = ["method", "decision", "temperature", "tau", "power", *_headings(metrics), "objective", ""]
    return Table("Choice", note, header, rows)


def _mean_of(values: Sequence[float | None]) -> str:
    known = [value for value in values if value is not None]
    return f"{sum(known) / len(known):.2f}" if known else "-"


def _flags(analysis: dict[str, Any]) -> Table:
    limits = {"qwk": (0.7, "below .70"), "pcc": (0.7, "below .70"), "accuracy": (0.5, "below 50 %")}
    limits["adjacent_accuracy"] = (0.95, "below 95 %")
    rows = []
    for key, entry in analysis["rows"].items():
        value = {metric: spread["mean"] for metric, spread in entry["test"].items()}
        found = [f"{METRICS[m].heading} {words}" for m, (limit, words) in limits.items() if not value[m] >= limit]
        if not abs(value["smd"]) <= 0.15:
            found.append("SMD beyond ±.15")
        if groups := [f"{of['column']} {of['value']}" for of in analysis["subgroups"][key] if of["flagged"]]:
            found.append(f"SMD or DSM of {', '.join(groups[:_SHOWN])}{', ...' if len(groups) > _SHOWN else ''}")
        rows.append([*_named(entry), "; ".join(found) or "none"])
    note = (
        "What automated scoring in assessment is commonly held to (Williamson et al. 2012; ETS' RSMTool). Most of the "
        "thresholds are meant for large samples and human scores that were checked."
    )
    return Table("Thresholds of assessment practice", note, ["method", "decision", "flags"], rows)


def _headings(metrics: Iterable[str]) -> list[str]:
    return [METRICS[metric].heading for metric in metrics]


def objective_in_words(analysis: dict[str, Any]) -> str:
    """What decisions and the best row are chosen for."""
    weights = analysis["tuned_for"].items()
    terms = [
        f"{'+' if METRICS[metric].better == 'higher' else '-'} {'' if weight == 1 else f'{weight:g} '}{_words(metric)}"
        for metric, weight in weights
    ]
    bounds = [f"{_words(metric)} at most {-bound:g} below raw" for metric, bound in analysis["at_least"].items()]
    return ", ".join([" ".join(terms).removeprefix("+ "), *bounds])


def _words(metric: str) -> str:
    return " ".join(word.upper() if word in ("rmse", "qwk", "pcc", "smd") else word for word in metric.split("_"))


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
