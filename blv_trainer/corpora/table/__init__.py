"""Your own data: files and datasets of the Hub. The door is ``blv_trainer.corpora``."""

from blv_trainer.corpora.table.load import load_table

__all__ = ["load_table"]
