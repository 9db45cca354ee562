"""Runs: one training; methods x seeds x folds; the report that compares them; the winner, trained to keep."""

from typing import TYPE_CHECKING

from blv_trainer._door import opened_on_demand
from blv_trainer.experiments import invented
from blv_trainer.experiments.comparison import Plan, compare
from blv_trainer.experiments.decisions import Chosen, Decided
from blv_trainer.experiments.final_run import train_decided, write_winner
from blv_trainer.experiments.folds import check_folds, complete_splits, join_splits
from blv_trainer.experiments.methods import Method, parse_methods
from blv_trainer.experiments.progress import expected_work, predict_with_time_left, still_at
from blv_trainer.experiments.single_run import refuse_used_folder, train_and_evaluate

if TYPE_CHECKING:
    from blv_trainer.experiments.report import table_cells, write_model_report, write_report

__all__ = [
    "Chosen",
    "Decided",
    "Method",
    "Plan",
    "check_folds",
    "compare",
    "complete_splits",
    "expected_work",
    "invented",
    "join_splits",
    "parse_methods",
    "predict_with_time_left",
    "refuse_used_folder",
    "still_at",
    "table_cells",
    "train_and_evaluate",
    "train_decided",
    "write_model_report",
    "write_report",
    "write_winner",
]

# With matplotlib, numba and scikit-learn, which training does not need.
__getattr__ = opened_on_demand(__name__, {"report": ["table_cells", "write_model_report", "write_report"]})
