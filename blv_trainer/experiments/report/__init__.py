"""``report/``: tables, figures, ``results.json`` and one self-contained page, all from finished runs."""

from blv_trainer.experiments.report.model_report import write_model_report
from blv_trainer.experiments.report.tables import table_cells
from blv_trainer.experiments.report.write import write_report

__all__ = ["table_cells", "write_model_report", "write_report"]
