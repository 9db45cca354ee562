"""The usable rows of a table -> a ``Dataset`` with the columns ``text`` and ``label``."""

import pyarrow as pa
import pyarrow.compute as pc
from datasets import ClassLabel, Dataset, DatasetInfo, Features, NamedSplit, Value

from blv_trainer.corpora.table.rows import PickedTable, UnusableRow, find_unusable, is_single_value


def usable_columns(
    table: PickedTable, label_names: list[str] | None, split: str
) -> tuple[pa.Table, list[UnusableRow], list[str]]:
    """Drops the rows that cannot be used and the columns that hold more than one value a row.

    Args:
        table: The table with its text and label columns found.
        label_names: All labels, lowest first; None where the table has no label column.
        split: Name of the split, for the rows reported.

    Returns:
        The columns ``text``, ``label`` (int64, index into ``label_names``) and the others under their own names;
        the rows dropped; a note for each column dropped.
    """
    usable, unusable = find_unusable(table, label_names, split)
    columns = {"text": table.texts}
    if table.labels is not None:
        codes = pc.index_in(table.labels, value_set=pa.array(label_names, pa.string()))
        columns["label"] = codes.cast(pa.int64())
    fields = [pa.field(name, column.type) for name, column in columns.items()]
    notes = []
    for field in table.raw.columns.schema:
        if field.name in (table.text_column, table.label_column):
            continue
        if field.name in columns or not is_single_value(field.type):
            why = "its name is taken" if field.name in columns else f"it holds {field.type}"
            notes.append(f"{table.raw.source}: column {field.name!r} is left out, because {why}.")
            continue
        columns[field.name] = table.raw.columns.column(field.name)
        fields.append(field)
    schema = pa.schema(fields, metadata=table.raw.columns.schema.metadata)
    return pa.table(list(columns.values()), schema=schema).filter(pa.array(usable)), unusable, notes


def as_dataset(columns: pa.Table, label_names: list[str] | None, split: str | None = None) -> Dataset:
    """Wraps the columns; ``label`` becomes a ``ClassLabel`` where ``label_names`` are given."""
    features = Features.from_arrow_schema(columns.schema)
    features["text"] = Value("string")
    if label_names is not None:
        features["label"] = ClassLabel(names=label_names)
    # Fresh metadata: what came with the source may hold the fingerprint of the table before rows were dropped.
    return Dataset(
        columns.replace_schema_metadata(features.arrow_schema.metadata),
        info=DatasetInfo(features=features),
        split=None if split is None else NamedSplit(split),
    )
