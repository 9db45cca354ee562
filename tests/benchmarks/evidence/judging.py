"""From logits to figures: every loss with every decision, for answers and whole groups, against plain cross-entropy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from scipy.special import ndtr

from blv_trainer.corpora import groups_of
from blv_trainer.decision import Decision, holds_rare_classes_down, labels_of_groups, optimal, tune
from blv_trainer.decision.tuning import fit_temperature
from blv_trainer.evaluation import Estimate, Scores
from blv_trainer.experiments.decisions import Answers, Choice, Chosen, as_groups, choice, cross_fitted
from blv_trainer.metrics import METRICS
from tests.benchmarks.evidence.corpora import Corpus
from tests.benchmarks.evidence.training import Logits

SHOWN = ("accuracy", "macro_accuracy", "qwk", "macro_rmse")
THEORY = ("macro_accuracy", "qwk", "macro_rmse")
SHARES = (0.0, 0.01, 0.05, 0.15, 0.30, 1.0)  # of training rows, by which recalls are gathered
CURVE = (50, 100, 200, 400, 800, 1600, 3200)  # rows tuned on
_DRAWS = 30


def judge(
    of: Sequence[Logits], rows: Any, names: Sequence[str], corpus: Corpus, *, num_resamples: int
) -> list[dict[str, Any]]:
    """An entry for each loss and decision, of answers and of groups; the first loss, raw, is what all are held against.

    Entries have ``values``, ``differences`` (value, low, high) and ``p`` by metric, ``recalls`` by class; tuned ones of
    other losses also ``to_tuned``, their differences to the first loss tuned.
    """
    group_column = corpus.group_column
    labels, groups = np.array(rows["label"]), None if group_column is None else groups_of(rows, group_column)
    decided_as_one = as_groups(groups) if corpus.is_of_groups else None
    counts = np.bincount(labels, minlength=len(names)).tolist()
    columns = {} if groups is None else {"group": list(groups)}
    baselines: dict[str, Scores] = {}
    tuned: dict[str, Scores] = {}
    entries = []
    for k, logits in enumerate(of):
        answers = [Answers(run, labels, decided_as_one) for run in logits.logits]
        for name, choose in _choices(logits, counts, with_theory=k == 0).items():
            decided = [cross_fitted(choose, run, folds) for run, folds in zip(answers, logits.folds, strict=True)]
            scores = np.stack([found[1] for found in decided])
            judged = {"answers": Scores(labels, scores, names, columns, num_resamples, group_column="group")}
            if decided[0][2] is not None:
                inside = answers[0][answers[0].judged]
                assert inside.groups is not None
                own = labels_of_groups(inside.labels, inside.groups)
                judged["groups"] = Scores(own, np.stack([found[2] for found in decided]), names, {}, num_resamples)
            for level, found in judged.items():
                baseline = baselines.setdefault(level, found)
                entry = {"loss": logits.spec, "title": logits.title, "decision": name, "level": level}
                entries.append(entry | _figures(found, baseline))
                if name == "tuned" and tuned.setdefault(level, found) is not found:
                    entries[-1]["to_tuned"] = _ends(_differences(found, tuned[level]))
    return entries


def _choices(logits: Logits, counts: Sequence[int], *, with_theory: bool) -> dict[str, Choice]:
    """By name, how a decision is chosen: raw first."""
    found = {"raw": choice("raw", loss=lambda: None, class_counts=counts)}
    if holds_rare_classes_down(logits.shift, counts):
        shift = Chosen(Decision(tuple(logits.shift.tolist()), kind="consistent"))
        found["shift added back"] = lambda answers: shift
    if with_theory:
        found |= {f"theory for {metric}": _by_theory(metric, counts) for metric in THEORY}
        found["tuned, no cost"] = choice("tuned", loss=lambda: None, class_counts=counts, powers=(0,))
    return found | {"tuned": choice("tuned", loss=lambda: None, class_counts=counts)}


def _by_theory(metric: str, counts: Sequence[int]) -> Choice:
    def choose(answers: Answers | None) -> Chosen:
        assert answers is not None
        temperature = fit_temperature(answers.logits, answers.labels)
        decision = optimal(metric, counts)
        shift = tuple((temperature * np.array(decision.shift)).tolist())
        return Chosen(replace(decision, shift=shift, temperature=temperature))

    return choose


def _figures(scores: Scores, baseline: Scores) -> dict[str, Any]:
    values = {name: scores.values[name] for name in SHOWN}
    entry: dict[str, Any] = {"n": len(scores.labels), "values": values, "recalls": scores.recalls.tolist()}
    if scores is not baseline:
        found = _differences(scores, baseline)
        entry["differences"] = _ends(found)
        # A normal approximation: a permutation test could not go below what Holm asks of some thousand comparisons.
        entry["p"] = {name: _two_sided(each.value, each.standard_error) for name, each in found.items()}
    return entry


def _differences(scores: Scores, baseline: Scores) -> dict[str, Estimate]:
    return {name: each for name, each in scores.differences(baseline).items() if name in SHOWN}


def _ends(found: Mapping[str, Estimate]) -> dict[str, list[float]]:
    return {name: [each.value, each.low, each.high] for name, each in found.items()}


def _two_sided(value: float, standard_error: float) -> float:
    if not standard_error:
        return 1.0
    return float(2 * ndtr(-abs(value) / standard_error))


def learning_curve(logits: Logits, labels: np.ndarray, names: Sequence[str]) -> list[dict[str, Any]]:
    """Gain of a decision tuned on some rows only, on all others: mean and 5th percentile over draws, by rows."""
    counts = np.bincount(labels, minlength=len(names))
    points = []
    for size in (size for size in CURVE if size <= len(labels) // 2):
        gains: dict[str, list[float]] = {name: [] for name in SHOWN}
        for draw in range(_DRAWS):
            run = logits.logits[draw % len(logits.logits)]
            order = np.random.default_rng([size, draw]).permutation(len(labels))
            own, rest = order[:size], order[size:]
            if len({*labels[own].tolist()}) < 2:
                continue
            decision = tune(run[own], labels[own], class_counts=counts)
            before, after = (
                Scores(labels[rest], run[rest], names),
                Scores(labels[rest], decision.apply(run[rest]), names),
            )
            for name, found in gains.items():
                found.append(METRICS[name].goodness(after.values[name]) - METRICS[name].goodness(before.values[name]))
        point = {name: [float(np.mean(found)), float(np.quantile(found, 0.05))] for name, found in gains.items()}
        points.append({"rows": size, **point})
    return points


def human(rows: Any, rater_columns: Sequence[str], num_classes: int) -> dict[str, float] | None:
    """How well human raters predict each other, in the metrics shown; None where there are none."""
    from blv_trainer.cli.evaluate import agreement_of_raters

    if not rater_columns:
        return None
    found = agreement_of_raters(rows, rater_columns, num_classes)
    return {name: found[name] for name in SHOWN}
