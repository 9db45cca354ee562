"""What the card's template is filled with: facts and figures as sentences and tables."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import numpy as np

from blv_trainer.experiments.columns import COLUMNS, formatted
from blv_trainer.hub.card.facts import Facts, other_metrics
from blv_trainer.hub.card.formulas import loss_formula
from blv_trainer.hub.card.results import Results, consistent_decision, predicted, recalls
from blv_trainer.hub.card.text import Markdown, escape, table
from blv_trainer.metrics import METRICS
from blv_trainer.metrics.registry import LOWER_IS_BETTER, NEARER_0_IS_BETTER

_COMPARED = ("accuracy", "macro_accuracy", "qwk")
_TITLES = {
    "accuracy": "Accuracy, %",
    "macro_accuracy": "Macro accuracy, %",
    "adjacent_accuracy": "Adjacent accuracy, %",
    "macro_adjacent_accuracy": "Macro adjacent accuracy, %",
    "rmse": "RMSE, in classes",
    "macro_rmse": "Macro RMSE, in classes",
    "pcc": "Pearson correlation",
    "qwk": "Quadratic weighted kappa",
    "smd": "Standardised mean difference",
    "ece": "Expected calibration error",
}
_BETTER = {
    **dict.fromkeys(METRICS, "higher"),
    **dict.fromkeys(LOWER_IS_BETTER, "lower"),
    **dict.fromkeys(NEARER_0_IS_BETTER, "near 0"),
}


def result_section(results: Sequence[Results], facts: Facts, num_resamples: int) -> dict[str, Any]:
    """The table of metrics, with intervals and the consistent decision where they are known."""
    if not results or not any(name in results[0].metrics for name in METRICS):
        return {"result_table": None}
    first, names = results[0], facts.names
    rows_known = f"the {first.num_rows:,} rows of the" if first.num_rows is not None else "the"
    sentence = f"On {rows_known} {escape(first.split)} split"
    if first.intervals:
        sentence += (
            f"; intervals are 95 % percentile bootstrap intervals ({num_resamples:,} resamples of "
            f"{first.num_resampled:,} {first.resampled}) and answer what other {first.resampled} of the same kind "
            "would give, not what another training run would"
        )
    rest = other_metrics(first.metrics, names)
    note = ["Macro: mean over the classes. Adjacent: at most one class off."]
    note += [f"Also: {', '.join(f'{escape(k)} {v:.4g}' for k, v in rest.items())}."] if rest else []
    note += [_other_split(other) for other in results[1:]]
    return {
        "result_sentence": Markdown(sentence + "."),
        "result_table": _result_table(first),
        "result_note": Markdown(" ".join(filter(None, note))),
    }


def class_section(results: Sequence[Results], facts: Facts) -> dict[str, Any]:
    """Training rows, shift, recall and predictions of each class, and how head and tail fare."""
    names, counts = facts.names, facts.config.get("class_counts")
    shift = (facts.config.get("training_loss") or {}).get("expected_shift")
    columns: dict[str, Sequence[Any]] = {}
    if counts:
        columns["training rows"] = [f"{count:,}" for count in counts]
        columns["share, %"] = [f"{100 * count / sum(counts):.1f}" for count in counts]
    if shift and any(shift):
        columns["shift in training, logits"] = [f"{value:.3f}" for value in shift]
    if results:
        first, of_classes = results[0], recalls(results[0], names)
        if first.confusion is not None:
            columns[f"{first.split} rows"] = [f"{n:,}" for n in first.confusion.sum(axis=1).tolist()]
        if any(recall is not None for recall in of_classes):
            columns["recall, %"] = ["-" if recall is None else f"{100 * recall:.1f}" for recall in of_classes]
        if any(count is not None for count in predicted(first, names)):
            columns["predicted"] = ["-" if count is None else f"{count:,}" for count in predicted(first, names)]
    if not names or not columns:
        return {"class_table": None}
    rows = zip(names, *columns.values(), strict=True)
    return {
        "class_table": table(["class", *columns], rows, numeric=range(1, len(columns) + 1)),
        "head_and_tail": _head_and_tail(counts, recalls(results[0], names) if results else []) if counts else None,
    }


def loss_section(facts: Facts) -> dict[str, Any] | None:
    """The training loss with its options and formula; None where it is unknown."""
    described = dict(facts.config.get("training_loss") or {})
    name = described.pop("name", None)
    if name is None:
        return None
    described.pop("expected_shift", None)
    options = ", ".join(f"{escape(option)} = {escape(_plain(value))}" for option, value in described.items())
    formula = loss_formula(name)
    return {
        "name": escape(name),
        "options": Markdown(f" with {options}" if options else ""),
        "summary": Markdown(formula.summary if formula else "It was given as a module of the user's own."),
        "equation": Markdown(formula.equation) if formula else None,
        "symbols": Markdown(formula.symbols) if formula else "",
        "reference": Markdown(formula.reference) if formula else None,
    }


def decision_section(facts: Facts) -> dict[str, Any] | None:
    """How logits become a class; None where the config does not say."""
    decision = facts.config.get("decision")
    if not isinstance(decision, dict):
        return None if decision is None else {"kind": "raw", "shifted": consistent_decision(facts) is not None}
    shift = zip(facts.names, decision["shift"], strict=True)
    options = [f"temperature = {decision['temperature']:.4g}"]
    options += [f"tau = {decision['tau']:.4g}"] if "tau" in decision else []
    options.append("shift = " + ", ".join(f"{escape(name)} {value:+.3f}" for name, value in shift))
    return {"kind": escape(str(decision["kind"]).replace("_", " ")), "options": Markdown("; ".join(options))}


def subgroup_section(results: Sequence[Results]) -> Markdown | None:
    """SMD and DSM of each group; None where no column of groups is known."""
    if not results or not results[0].subgroups:
        return None
    rows = [
        [group.column, group.value, f"{group.num_rows:,}", *map(_decimal, (group.smd, group.dsm)), _look(group.flagged)]
        for group in results[0].subgroups
    ]
    return table(["column", "group", "rows", "SMD", "DSM", "look"], rows, numeric=[2, 3, 4])


def comparison_section(facts: Facts) -> dict[str, Any]:
    """The results of a comparison that the model belongs to."""
    analysis = facts.comparison
    if analysis is None:
        return {"comparison_table": None}
    rows = []
    for entry in analysis["rows"].values():
        cells = []
        for metric in _COMPARED:
            ends = entry["intervals"].get(metric, {})
            value = formatted(metric, entry["test"][metric]["mean"])
            interval = [formatted(metric, ends.get(end), fewer=1) for end in ("low", "high")]
            cells.append(value if "-" in interval else f"{value} ({interval[0]} to {interval[1]})")
        rows.append([entry["title"], entry["decision"], *cells])
    header = ["loss", "decision", *(COLUMNS[metric][0] for metric in _COMPARED)]
    return {
        "comparison_table": table(header, rows, numeric=range(2, len(header))),
        "comparison_note": Markdown(
            f"Means over {len(analysis['seeds'])} seed(s) on {analysis['num_test']:,} test rows of the comparison that "
            f"this model was trained in, with 95 % bootstrap intervals over {analysis['resampled']}."
        ),
    }


def settings_sentence(facts: Facts) -> Markdown:
    """The settings of the training that are known."""
    shown = {name: value for name, value in facts.settings.items() if value is not None and value is not False}
    if shown.get("max_steps", -1) <= 0:
        shown.pop("max_steps", None)
    return Markdown(", ".join(f"{name} {escape(_plain(value))}" for name, value in shown.items()))


def _result_table(results: Results) -> Markdown:
    header = ["metric", *(["as it is", "95 % interval"] if results.intervals else ["value"])]
    if results.consistent:
        header += ["shift added back", "95 % interval"]
    rows = []
    for name in METRICS:
        if name in results.metrics:
            pairs = [(results.metrics, results.intervals)] + ([results.consistent] if results.consistent else [])
            cells = [cell for pair in pairs for cell in _value_and_interval(name, *pair)]
            rows.append(
                [_TITLES.get(name, COLUMNS[name][0]), *(cells if results.intervals else cells[:1]), _BETTER[name]]
            )
    numeric = [1, 3] if results.consistent else [1]
    return table([*header, "better"], rows, numeric=numeric)


def _value_and_interval(name: str, metrics: dict[str, float], intervals: dict[str, tuple[float, float]]) -> list[str]:
    ends = [formatted(name, end, fewer=1) for end in intervals.get(name, ())]
    return [formatted(name, metrics[name]), " to ".join(ends) if ends and "-" not in ends else ""]


def _other_split(results: Results) -> str:
    shown = [name for name in _COMPARED if name in results.metrics]
    if not shown:
        return ""
    rows = "" if results.num_rows is None else f" ({results.num_rows:,} rows)"
    values = ", ".join(f"{COLUMNS[name][0]} {formatted(name, results.metrics[name])}" for name in shown)
    return f"On the {escape(results.split)} split{rows}: {values}."


def _head_and_tail(counts: Sequence[int], of_classes: Sequence[float | None]) -> Markdown:
    """Classes with at least the rows of an even split, against the others."""
    even = sum(counts) / len(counts)
    text = f"The largest class has {max(counts) / max(min(counts), 1):.1f} times the training rows of the smallest."
    parts = []
    for part, inside in (("head", lambda count: count >= even), ("tail", lambda count: count < even)):
        known = [r for count, r in zip(counts, of_classes, strict=False) if inside(count) and r is not None]
        if known:
            classes = "1 class" if len(known) == 1 else f"{len(known)} classes"
            parts.append(f"{100 * np.mean(known):.1f} % in the {part} ({classes})")
    if len(parts) == 2:
        text += (
            f" Mean recall is {' and '.join(parts)}; the tail are the classes with fewer training rows than an even "
            f"split would give them ({even:,.0f})."
        )
    return Markdown(text)


def _plain(value: Any) -> str:
    """A setting as JSON, words without quotes."""
    return value if isinstance(value, str) else json.dumps(value)


def _decimal(value: float) -> str:
    return f"{value:.2f}" if np.isfinite(value) else "-"


def _look(flagged: bool) -> str:
    return "yes" if flagged else ""
