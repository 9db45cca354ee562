"""Tables and formulas of a card; the sentences around them stand in its template."""

from __future__ import annotations

import inspect
import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from blv_trainer.decision import Decision
from blv_trainer.evaluation import Scores
from blv_trainer.hub.card.facts import SETTINGS, Facts, SplitResult
from blv_trainer.hub.card.markdown import Markdown, decimal, table
from blv_trainer.losses import LOSSES
from blv_trainer.metrics import METRICS

COMPARED = ("accuracy", "macro_accuracy", "qwk")
OF_GROUPS = (*COMPARED, "macro_rmse")
_INTERVAL = "95 % interval"


def result_table(of: SplitResult, names: Sequence[str] = tuple(METRICS)) -> Markdown | None:
    """Metrics as decided, with intervals where they are known, and beside them those of other decisions."""
    shown = [name for name in names if name in of.metrics]
    if not shown:
        return None
    own = "as decided" if of.raw else "as it is" if of.consistent else "value"
    judged: list[tuple[str, Mapping[str, float], Scores | None]] = [(own, of.metrics, of.scores)]
    if of.consistent:
        judged.append((Decision.in_words("consistent"), of.consistent.values, of.consistent))
    if of.raw:
        judged.append(("largest logit", of.raw, None))
    if of.human:
        judged.append(("human raters", of.human, None))
    columns = [("metric", [METRICS[name].title for name in shown])]
    for title, values, scores in judged:
        columns.append((title, [METRICS[name].format(values.get(name)) for name in shown]))
        if scores is not None and scores.intervals:
            ends = {name: (found.low, found.high) for name, found in scores.intervals.items()}
            columns.append((_INTERVAL, [_interval(name, *ends.get(name, (None, None))) for name in shown]))
    columns.append(("better", [METRICS[name].better for name in shown]))
    numeric = [k for k, (title, _) in enumerate(columns) if title not in ("metric", _INTERVAL, "better")]
    return table([title for title, _ in columns], zip(*(cells for _, cells in columns), strict=True), numeric=numeric)


def class_table(facts: Facts, first: SplitResult) -> Markdown | None:
    """Training rows, shift, recall and predictions of each class."""
    names, counts = facts.names, facts.config.get("class_counts")
    shift = facts.loss.get("expected_shift")
    columns: dict[str, Sequence[str]] = {}
    if counts:
        columns["training rows"] = [f"{count:,}" for count in counts]
        columns["share, %"] = [f"{100 * count / sum(counts):.1f}" for count in counts]
    if shift and any(shift):
        columns["shift in training, logits"] = [f"{value:.3f}" for value in shift]
    recalls, predicted = (_of_classes(first, kind, names) for kind in ("recall", "predicted"))
    if first.scores is not None:
        columns[f"{first.split} rows"] = [f"{n:,}" for n in first.scores.support.tolist()]
    if any(recall is not None for recall in recalls):
        columns["recall, %"] = [METRICS["accuracy"].format(recall, fewer=1) for recall in recalls]
    if any(count is not None for count in predicted):
        columns["predicted"] = ["-" if count is None else f"{int(count):,}" for count in predicted]
    if not names or not columns:
        return None
    rows = zip(names, *columns.values(), strict=True)
    return table(["class", *columns], rows, numeric=range(1, len(columns) + 1))


def head_and_tail(facts: Facts, first: SplitResult) -> Markdown | None:
    """How classes with at least the rows of an even split fare against the others."""
    counts = facts.config.get("class_counts")
    if not counts:
        return None
    even = sum(counts) / len(counts)
    text = f"The largest class has {max(counts) / max(min(counts), 1):.1f} times the training rows of the smallest."
    recalls = _of_classes(first, "recall", facts.names)
    known = [(count >= even, recall) for count, recall in zip(counts, recalls, strict=False) if recall is not None]
    head, tail = ([recall for is_head, recall in known if is_head is wanted] for wanted in (True, False))
    if head and tail:
        parts = [
            f"{100 * np.mean(part):.1f} % in the {name} ({len(part)} class{'' if len(part) == 1 else 'es'})"
            for name, part in (("head", head), ("tail", tail))
        ]
        text += (
            f" Mean recall is {' and '.join(parts)}; the tail are the classes with fewer training rows than an even "
            f"split would give them ({even:,.0f})."
        )
    return Markdown(text)


def subgroup_table(first: SplitResult) -> Markdown | None:
    """SMD and DSM of each group; None where no column of groups is known."""
    if first.scores is None or not first.scores.subgroups:
        return None
    rows = [
        [
            of.column,
            of.value,
            f"{of.num_rows:,}",
            decimal(of.smd),
            decimal(of.dsm),
            "yes" if of.flagged else "",
        ]
        for of in first.scores.subgroups
    ]
    return table(["column", "group", "rows", "SMD", "DSM", "look"], rows, numeric=[2, 3, 4])


def comparison_table(entries: Mapping[str, Any] | None, human: Mapping[str, Any] | None = None) -> Markdown | None:
    """The rows of a comparison that the model belongs to, or those for whole groups; None where there are none."""
    if not entries:
        return None
    rows = []
    for entry in entries.values():
        cells = []
        for metric in COMPARED:
            ends = entry["intervals"].get(metric, {})
            value = METRICS[metric].format(entry["test"][metric]["mean"])
            interval = _interval(metric, ends.get("low"), ends.get("high"))
            cells.append(f"{value} ({interval})" if interval else value)
        rows.append([entry["title"], Decision.in_words(entry["decision"]), *cells])
    if human:
        cells = [METRICS[metric].format(human.get(metric)) for metric in COMPARED]
        rows.append(["human raters", "among themselves", *cells])
    header = ["loss", "decision", *(METRICS[metric].heading for metric in COMPARED)]
    return table(header, rows, numeric=range(2, len(header)))


def shown_settings(settings: Mapping[str, Any]) -> dict[str, Any]:
    """The settings of the training that are known and switched on."""
    shown = {name: settings.get(name) for name in SETTINGS}
    if (shown["max_steps"] or 0) <= 0:
        del shown["max_steps"]
    return {name: value for name, value in shown.items() if value is not None and value is not False}


class Formula(NamedTuple):
    """What a loss's docstring says of it."""

    summary: str  # its first sentence
    equation: str  # the indented lines below, in the names of the code
    symbols: str  # the paragraph after them; empty where there is none
    reference: str  # where the loss comes from; empty where that is not said


def loss_formula(name: str | None) -> Formula | None:
    """The formula of a loss; None for one that is not ours, or where Python runs without docstrings.

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
    references = [section.partition("\n")[2] for section in sections if section.startswith("Reference:")]
    return Formula(
        _prose(summary),
        inspect.cleandoc("\n" + "\n\n".join(equations)),
        _prose("".join(symbols[:1])),
        _prose("".join(references)),
    )


def _interval(metric: str, low: float | None, high: float | None) -> str:
    ends = [METRICS[metric].format(end, fewer=1) for end in (low, high)]
    return "" if "-" in ends else " to ".join(ends)


def _of_classes(first: SplitResult, kind: str, names: Sequence[str]) -> list[float | None]:
    return [first.metrics.get(f"{kind}_{name}") for name in names]


def _prose(text: str) -> str:
    """Running text: one line, code in single backticks, as Markdown has it."""
    return " ".join(text.split()).replace("``", "`")
