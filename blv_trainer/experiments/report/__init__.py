"""``report/``: tables, figures, ``results.json`` and one self-contained page, all from finished runs."""

from blv_trainer.experiments.report.tables import table_cells
from blv_trainer.experiments.report.write import as_png, write_report

__all__ = ["as_png", "table_cells", "write_report"]
