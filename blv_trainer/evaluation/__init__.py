"""Judges arrays: labels and logits in, ``Scores`` out. Knows no trainer, no folder and no model.

``figures`` draws what ``Scores`` says.
"""

from typing import TYPE_CHECKING

from blv_trainer._door import opened_on_demand
from blv_trainer.evaluation.agreement import human_agreement
from blv_trainer.evaluation.confusion import confusion_matrix, confusion_metrics
from blv_trainer.evaluation.resampling import Estimate
from blv_trainer.evaluation.scores import NUM_RESAMPLES, Scores
from blv_trainer.evaluation.statistics import (
    Spread,
    bootstrap_differences,
    bootstrap_intervals,
    holm,
    minimum_detectable_difference,
    permutation_p_values,
)
from blv_trainer.evaluation.subgroups import Subgroup, subgroup_table

if TYPE_CHECKING:
    from blv_trainer.evaluation import figures

__all__ = [
    "NUM_RESAMPLES",
    "Estimate",
    "Scores",
    "Spread",
    "Subgroup",
    "bootstrap_differences",
    "bootstrap_intervals",
    "confusion_matrix",
    "confusion_metrics",
    "figures",
    "holm",
    "human_agreement",
    "minimum_detectable_difference",
    "permutation_p_values",
    "subgroup_table",
]

__getattr__ = opened_on_demand(__name__, {"figures": ["figures"]})  # with matplotlib, which judging does not need
