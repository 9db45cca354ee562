"""What the card's template is filled with: facts and figures as sentences and tables."""

from __future__ import annotations

import inspect
import re
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from blv_trainer.evaluation import Scores
from blv_trainer.hub.card.facts import Facts, SplitResult, consistent_decision, other_metrics
from blv_trainer.hub.card.markdown import Markdown, decimal, escape, plain, table
from blv_trainer.losses import LOSSES
from blv_trainer.metrics import METRICS

_COMPARED = ("accuracy", "macro_accuracy", "qwk")


def result_section(results: Sequence[SplitResult], facts: Facts) -> dict[str, Any]:
    """The table of metrics, with intervals and the consistent decision where they are known."""
    if not results or not any(name in results[0].metrics for name in METRICS):
        return {"result_table": None}
    first, names = results[0], facts.names
    rows_known = f"the {first.num_rows:,} rows of the" if first.num_rows is not None else "the"
    sentence = f"On {rows_known} {escape(first.split)} split"
    if first.scores is not None and first.scores.intervals:
        drawn = first.resampled
        sentence += (
            f"; intervals are 95 % BCa bootstrap intervals ({first.scores.num_resamples:,} resamples of "
            f"{first.scores.num_groups:,} {drawn}) and answer what other {drawn} of the same kind "
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


def class_section(results: Sequence[SplitResult], facts: Facts) -> dict[str, Any]:
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
        first, of_classes, predicted = results[0], results[0].recalls(names), results[0].predicted(names)
        if first.scores is not None:
            columns[f"{first.split} rows"] = [f"{n:,}" for n in first.scores.support.tolist()]
        if any(recall is not None for recall in of_classes):
            columns["recall, %"] = ["-" if recall is None else f"{100 * recall:.1f}" for recall in of_classes]
        if any(count is not None for count in predicted):
            columns["predicted"] = ["-" if count is None else f"{count:,}" for count in predicted]
    if not names or not columns:
        return {"class_table": None}
    rows = zip(names, *columns.values(), strict=True)
    return {
        "class_table": table(["class", *columns], rows, numeric=range(1, len(columns) + 1)),
        "head_and_tail": _head_and_tail(counts, results[0].recalls(names) if results else []) if counts else None,
    }


def loss_section(facts: Facts) -> dict[str, Any] | None:
    """The training loss with its options and formula; None where it is unknown."""
    described = dict(facts.config.get("training_loss") or {})
    name = described.pop("name", None)
    if name is None:
        return None
    described.pop("expected_shift", None)
    options = ", ".join(f"{escape(option)} = {escape(plain(value))}" for option, value in described.items())
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


def subgroup_section(results: Sequence[SplitResult]) -> Markdown | None:
    """SMD and DSM of each group; None where no column of groups is known."""
    if not results or results[0].scores is None or not results[0].scores.subgroups:
        return None
    rows = [
        [of.column, of.value, f"{of.num_rows:,}", decimal(of.smd), decimal(of.dsm), "yes" if of.flagged else ""]
        for of in results[0].scores.subgroups
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
            value = METRICS[metric].format(entry["test"][metric]["mean"])
            interval = [METRICS[metric].format(ends.get(end), fewer=1) for end in ("low", "high")]
            cells.append(value if "-" in interval else f"{value} ({interval[0]} to {interval[1]})")
        rows.append([entry["title"], entry["decision"], *cells])
    header = ["loss", "decision", *(METRICS[metric].heading for metric in _COMPARED)]
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
    return Markdown(", ".join(f"{name} {escape(plain(value))}" for name, value in shown.items()))


def _result_table(results: SplitResult) -> Markdown:
    with_intervals = results.scores is not None and bool(results.scores.intervals)
    header = ["metric", *(["as it is", "95 % interval"] if with_intervals else ["value"])]
    if results.consistent:
        header += ["shift added back", "95 % interval"]
    rows = []
    for name, metric in METRICS.items():
        if name in results.metrics:
            cells = _value_and_interval(name, results.metrics[name], results.scores)
            if results.consistent:
                cells += _value_and_interval(name, results.consistent.values[name], results.consistent)
            rows.append([metric.title, *(cells if with_intervals else cells[:1]), metric.better])
    numeric = [1, 3] if results.consistent else [1]
    return table([*header, "better"], rows, numeric=numeric)


def _value_and_interval(name: str, value: float, scores: Scores | None) -> list[str]:
    found = scores.intervals.get(name) if scores is not None else None
    ends = [METRICS[name].format(end, fewer=1) for end in (found.low, found.high)] if found else []
    return [METRICS[name].format(value), " to ".join(ends) if ends and "-" not in ends else ""]


def _other_split(results: SplitResult) -> str:
    shown = [name for name in _COMPARED if name in results.metrics]
    if not shown:
        return ""
    rows = "" if results.num_rows is None else f" ({results.num_rows:,} rows)"
    values = ", ".join(f"{METRICS[name].heading} {METRICS[name].format(results.metrics[name])}" for name in shown)
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


class Formula(NamedTuple):
    """What a loss's docstring says of it.

    Args:
        summary: its first sentence.
        equation: the indented lines below, in the names of the code.
        symbols: the paragraph after them; empty where there is none.
        reference: where the loss comes from; empty where that is not said.
    """

    summary: str
    equation: str
    symbols: str
    reference: str


def loss_formula(name: str) -> Formula | None:
    """The formula of a loss; None for one that is not ours, or where Python runs without docstrings.

    Args:
        name: a key of ``LOSSES``.

    Examples:
        >>> loss_formula("cross_entropy").equation
        'loss = -log softmax(logits)[label]'
    """
    docstring = LOSSES[name].__doc__ if name in LOSSES else None
    if not docstring:
        return None
    head, *sections = re.split(r"\n\n(?=[A-Z][a-z ]+:\n)", inspect.cleandoc(docstring))
    summary, *paragraphs = head.split("\n\n")
    equations = [paragraph for paragraph in paragraphs if paragraph.startswith("    ")]
    symbols = [paragraph for paragraph in paragraphs if not paragraph.startswith("    ")]
    equation = inspect.cleandoc("\n" + "\n\n".join(equations))
    references = [section.partition("\n")[2] for section in sections if section.startswith("Reference:")]
    return Formula(_prose(summary), equation, _prose(symbols[0]) if symbols else "", _prose("".join(references)))


def _prose(text: str) -> str:
    """Running text: one line, code in single backticks, as Markdown has it."""
    return " ".join(text.split()).replace("``", "`")
