"""Whether machine scores are fair to subgroups, in the way ETS' RSMTool reports it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

MAX_SMD, MAX_DSM, MIN_ROWS = 0.15, 0.10, 10  # RSMTool's thresholds; fewer rows say nothing


@dataclass(frozen=True)
class Subgroup:
    """One group of samples under one method.

    Args:
        column: what the group is of, such as "region".
        value: which, such as "JPN".
        num_rows: samples in it.
        smd: standardized mean difference in the group, with the standard deviation of all human scores.
        dsm: difference of standardized means: both scores are standardized over all samples first, so a machine that
            is too lenient with everyone alike has 0.
    """

    column: str
    value: str
    num_rows: int
    smd: float
    dsm: float

    @property
    def flagged(self) -> bool:
        """Whether a person should look: a difference beyond the thresholds in a group that is not tiny."""
        return self.num_rows >= MIN_ROWS and (abs(self.smd) > MAX_SMD or abs(self.dsm) > MAX_DSM)


def subgroup_table(human: np.ndarray, machine: np.ndarray, columns: Mapping[str, Sequence[Any]]) -> list[Subgroup]:
    """SMD and DSM of each value of each column.

    Args:
        human: the true class of each sample, ``(n,)``.
        machine: machine scores, ``(num_runs, n)``; runs count alike.
        columns: values for each sample, ``(n,)`` each; samples without a value (None, blank) are in no group.

    Returns:
        The groups, columns in their order, values sorted; nan where all scores are equal.

    Reference:
        Williamson, Xi, Breyer: A Framework for Evaluation and Use of Automated Scoring. Educational Measurement:
        Issues and Practice 31(1), 2012.

    Examples:
        >>> groups = subgroup_table(np.array([0, 1, 0, 1]), np.array([[0, 1, 1, 2]]), {"sex": ["f", "f", "m", "m"]})
        >>> [(group.value, round(group.smd, 2)) for group in groups]
        [('f', 0.0), ('m', 1.73)]
    """
    with np.errstate(invalid="ignore", divide="ignore"):
        human_z = (human - human.mean()) / human.std(ddof=1)
        machine_z = (machine - machine.mean(axis=1, keepdims=True)) / machine.std(axis=1, ddof=1, keepdims=True)
        gap = (machine - human) / human.std(ddof=1)  # (num_runs, n)
    groups = []
    for column, values in columns.items():
        for value in sorted({value for value in values if value is not None and str(value).strip()}, key=str):
            inside = np.array([other == value for other in values])
            dsm = (machine_z - human_z)[:, inside].mean()
            groups.append(Subgroup(column, str(value), int(inside.sum()), float(gap[:, inside].mean()), float(dsm)))
    return groups
