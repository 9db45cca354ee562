"""Your own data: CSV, TSV, JSON Lines and Parquet files, and datasets of the Hub."""

from blv_trainer.corpora.table.load import load_table

__all__ = ["load_table"]
