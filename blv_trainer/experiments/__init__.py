"""Runs: one training; methods x seeds; the report that compares them."""

from blv_trainer.experiments import invented
from blv_trainer.experiments.comparison import Plan, compare
from blv_trainer.experiments.holdout import complete_splits
from blv_trainer.experiments.methods import PAPER_METHODS, Method, parse_methods
from blv_trainer.experiments.report import table_cells, write_report
from blv_trainer.experiments.single_run import refuse_used_folder, resume_or_begin, train_and_evaluate

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
