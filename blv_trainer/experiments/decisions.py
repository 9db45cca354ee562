"""Which decision goes with which logits: chosen on some rows, for answers and for whole groups, applied to others."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from datasets import Dataset
from torch import nn

from blv_trainer.corpora import groups_of
from blv_trainer.decision import POWERS, Decision, consistent, fold, one_label_each, optimal, pool, raw, tune
from blv_trainer.evaluation import Scores
from blv_trainer.run_folder import GROUP_LOGITS, RAW_GROUP_LOGITS, RAW_LOGITS

Found = tuple[Dataset, np.ndarray]  # rows, and their logits (n, num_classes)


@dataclass(frozen=True)
class Answers:
    """Logits, labels and groups of some rows."""

    logits: np.ndarray  # (n, num_classes), from before any decision
    labels: np.ndarray  # (n,)
    groups: np.ndarray | None = None  # whose answer each is, (n,); None where no group has two

    @classmethod
    def of(cls, rows: Dataset, logits: np.ndarray, group_column: str | None) -> Answers:
        """Of a dataset's rows, in their order."""
        groups = None if group_column is None else groups_of(rows, group_column)
        return cls(logits, np.asarray(rows["label"]), as_groups(groups))

    def __getitem__(self, mask: np.ndarray) -> Answers:
        groups = None if self.groups is None else self.groups[mask]
        return Answers(self.logits[mask], self.labels[mask], groups)

    @cached_property
    def judged(self) -> np.ndarray:
        """Which rows belong to a group with one label, ``(n,)``."""
        return one_label_each(self.labels, self.groups if self.groups is not None else np.arange(len(self.labels)))

    @cached_property
    def first_of_groups(self) -> np.ndarray:
        """The place of the first answer of each group with one label, in order; none where no such group has two."""
        first: dict[Any, int] = {}
        groups = () if self.groups is None else self.groups
        for k in np.flatnonzero(self.judged).tolist() if len(groups) else ():
            first.setdefault(groups[k], k)
        return np.array([*first.values()] if len(first) < self.judged.sum() else [], dtype=np.int64)

    @cached_property
    def pooled(self) -> np.ndarray:
        """The logits of these groups, from before any decision."""
        assert self.groups is not None
        return pool(self.logits[self.judged], self.groups[self.judged])[1]


class Chosen(NamedTuple):
    """A decision for answers, and one for what ``pool`` makes of their scores."""

    decision: Decision
    of_groups: Decision | None = None


Choice = Callable[[Answers | None], Chosen]


def as_groups(groups: Sequence[Any] | None) -> np.ndarray | None:
    """As an array; None where no group has two rows."""
    return None if groups is None or len({*groups}) == len(groups) else np.array(groups, dtype=object)


def choice(
    name: str,
    *,
    loss: Callable[[], nn.Module],
    class_counts: Sequence[int],
    metric: str | Mapping[str, float] = "balanced",
    powers: Sequence[float] = POWERS,
) -> Choice:
    """How answers choose a decision: "raw", "consistent", "tuned", or the name of a metric for what theory says.

    All but "tuned" are made at once, and come without answers (None), too. The loss is built if asked for.
    """
    if name != "tuned":
        fixed = {"raw": lambda: raw(len(class_counts)), "consistent": lambda: consistent(loss())}
        untuned = Chosen(fixed[name]() if name in fixed else optimal(name, class_counts))
        return lambda answers: untuned

    def chosen(answers: Answers | None) -> Chosen:
        assert answers is not None
        decision = tune(answers.logits, answers.labels, metric, class_counts=class_counts, powers=powers)
        judged = answers[answers.judged]
        if judged.groups is None or len({*judged.labels.tolist()}) < 2:  # nothing to tell apart
            return Chosen(decision)
        scores = decision.apply(judged.logits)
        return Chosen(decision, tune(scores, judged.labels, metric, class_counts=class_counts, groups=judged.groups))

    return chosen


def apply_to(chosen: Chosen, answers: Answers) -> tuple[np.ndarray, np.ndarray | None]:
    """Scores of the answers, and of the groups that have one label, in order of first appearance."""
    scores = chosen.decision.apply(answers.logits)
    if answers.groups is None:
        return scores, None
    pooled = pool(scores[answers.judged], answers.groups[answers.judged])[1]
    return scores, pooled if chosen.of_groups is None else chosen.of_groups.apply(pooled)


def cross_fitted(
    choose: Choice, answers: Answers, folds: np.ndarray
) -> tuple[list[Chosen], np.ndarray, np.ndarray | None]:
    """Decisions chosen for each fold on the others, and the scores that they give, as ``apply_to``."""
    scores, found = np.empty_like(answers.logits), []
    of_groups: dict[Any, np.ndarray] = {}
    for number in range(int(folds.max()) + 1):
        inside = answers[folds == number]
        found.append(choose(answers[folds != number]))
        scores[folds == number], pooled = apply_to(found[-1], inside)
        if inside.groups is not None and pooled is not None:
            of_groups |= dict(zip(dict.fromkeys(inside.groups[inside.judged]), pooled, strict=True))
    if answers.groups is None:
        return found, scores, None
    order = dict.fromkeys(answers.groups[answers.judged])
    return found, scores, np.array([of_groups[group] for group in order]).reshape(-1, scores.shape[1])


@dataclass(frozen=True)
class Decided:
    """What ``train`` does with its predictions.

    Args:
        chosen: the decisions of the model.
        group_column: whose answers belong together; None for no column.
        out_of_fold: rows, their raw logits and cross-fitted scores, for answers and groups, where folds were made.
    """

    chosen: Chosen
    group_column: str | None = None
    out_of_fold: tuple[Dataset, np.ndarray, np.ndarray, np.ndarray | None] | None = None

    def fold_into(self, model: Any) -> None:
        """Fold the decision on answers into a model, and write that on groups into its configuration."""
        if self.chosen.decision.kind != "raw":
            fold(model, self.chosen.decision)
        if self.chosen.of_groups is not None:
            model.config.group_decision = self.chosen.of_groups.to_dict()

    def judge(
        self, metrics: Mapping[str, dict[str, float]], found: Mapping[str, Found], names: Sequence[str]
    ) -> tuple[dict[str, dict[str, float]], dict[str, Found]]:
        """Metrics and scores as decided, beside each split ``<split>_raw`` and, for groups, ``<split>_by_group``."""
        judged: dict[str, dict[str, float]] = {split: of for split, of in metrics.items() if split == "train"}
        decided: dict[str, Found] = {}
        for split, (rows, logits) in found.items():
            answers = Answers.of(rows, logits, self.group_column)
            scores, pooled = apply_to(self.chosen, answers)
            decided[split] = self._with_more(rows, answers, pooled), scores
            if split != "train":
                judged |= self._of_split(split, answers, scores, pooled, names, metrics[split])
        if self.out_of_fold is not None:
            rows, logits, scores, pooled = self.out_of_fold
            answers = Answers.of(rows, logits, self.group_column)
            judged |= self._of_split("out_of_fold", answers, scores, pooled, names, {"num_rows": len(logits)})
            decided["out_of_fold"] = self._with_more(rows, answers, pooled), scores
        return judged, decided

    def _with_more(self, rows: Dataset, answers: Answers, pooled: np.ndarray | None) -> Dataset:
        """The rows with what their scores do not tell: logits from before the decision, and of whole groups."""
        is_raw, first = self.chosen.decision.kind == "raw", answers.first_of_groups
        columns = {} if is_raw else {RAW_LOGITS: answers.logits.tolist()}
        of_groups = {} if pooled is None or not len(first) else {GROUP_LOGITS: pooled}
        if of_groups and not is_raw:
            of_groups[RAW_GROUP_LOGITS] = answers.pooled
        for name, values in of_groups.items():
            placed = dict(zip(first.tolist(), values.tolist(), strict=True))
            columns[name] = [placed.get(k) for k in range(len(rows))]
        for name, column in columns.items():
            rows = rows.add_column(name, column)
        return rows

    def _of_split(
        self,
        split: str,
        answers: Answers,
        scores: np.ndarray,
        pooled: np.ndarray | None,
        names: Sequence[str],
        measured: dict[str, float],
    ) -> dict[str, dict[str, float]]:
        is_raw = self.chosen.decision.kind == "raw"
        values = {split: measured | Scores(answers.labels, scores, names).as_metrics}
        if not is_raw:
            values[f"{split}_raw"] = measured | Scores(answers.labels, answers.logits, names).as_metrics
        first = answers.first_of_groups
        if pooled is not None and len(first):
            labels, size = answers.labels[first], {"num_rows": len(first)}
            values[f"{split}_by_group"] = size | Scores(labels, pooled, names).as_metrics
            if not is_raw:
                values[f"{split}_by_group_raw"] = size | Scores(labels, answers.pooled, names).as_metrics
        return values
