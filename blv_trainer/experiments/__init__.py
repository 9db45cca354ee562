"""Runs: one training; methods x seeds; the report that compares them."""

from typing import TYPE_CHECKING

from blv_trainer._door import opened_on_demand
from blv_trainer.experiments import invented
from blv_trainer.experiments.comparison import Plan, compare
from blv_trainer.experiments.holdout import complete_splits
from blv_trainer.experiments.methods import PAPER_METHODS, Method, parse_methods
from blv_trainer.experiments.single_run import refuse_used_folder, resume_or_begin, train_and_evaluate

if TYPE_CHECKING:
    from blv_trainer.experiments.report import table_cells, write_report

__all__ = [
    "PAPER_METHODS",
    "Method",
    "Plan",
    "compare",
    "complete_splits",
    "invented",
    "parse_methods",
    "refuse_used_folder",
    "resume_or_begin",
    "table_cells",
    "train_and_evaluate",
    "write_report",
]

# With matplotlib, numba and scikit-learn, which training does not need.
__getattr__ = opened_on_demand(__name__, {"table_cells": "report", "write_report": "report"})
