"""A built dataset as a folder that loads without this package: Parquet files, dataset card, quality report, split."""

import json
import os
from collections import Counter
from collections.abc import Mapping, Sequence
from importlib.resources import files
from pathlib import Path
from string import Template

import datasets

from blv_trainer.corpora.icnale.names import LABELS
from blv_trainer.corpora.icnale.quality_report import QualityReport

CITATION = """\
@incollection{ishikawa2014design,
  author    = {Ishikawa, Shin'ichiro},
  title     = {Design of the {ICNALE-Spoken}: A New Database for Multi-modal Contrastive Interlanguage Analysis},
  booktitle = {Learner Corpus Studies in Asia and the World},
  volume    = {2},
  pages     = {63--76},
  publisher = {Kobe University},
  year      = {2014}
}"""


def write_dataset(
    folder: Path, dataset: datasets.DatasetDict, report: QualityReport, *, roots: Sequence[str | os.PathLike]
) -> None:
    """Writes a dataset of ``icnale_asa`` as Parquet files with ``README.md``, ``report.json`` and ``split.tsv``.

    Args:
        folder: Where to write.
        dataset: All its splits.
        report: Of the corpus that it was built from.
        roots: Folders of the corpus and of its recordings: paths are written relative to them, since absolute ones
            would tell names of this computer.
    """
    homes = [os.path.abspath(os.path.expanduser(root)) for root in roots]

    def relative(path: str) -> str:
        return next(Path(path).relative_to(home).as_posix() for home in homes if Path(path).is_relative_to(home))

    counts: dict[str, dict[str, int]] = {}
    split_of: dict[str, str] = {}
    for name, split in dataset.items():
        columns, feature = split.column_names, split.features["audio"]
        paths = [path and relative(path) for path in split["audio"]]
        path = folder / _parquet_path(name)
        path.parent.mkdir(exist_ok=True)
        split.remove_columns("audio").add_column("audio", paths, feature=feature).select_columns(columns).to_parquet(
            path
        )
        per_label = Counter(split["label"])
        counts[name] = {label: per_label[index] for index, label in enumerate(split.features["label"].names)}
        split_of |= dict.fromkeys(split["id"], name)
    figures = report.to_dict() | {"splits": counts}
    (folder / "README.md").write_text(render_card(counts), encoding="utf-8")
    (folder / "report.json").write_text(json.dumps(figures, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    rows = [("id", "split"), *sorted(split_of.items())]
    (folder / "split.tsv").write_text("".join(f"{id_}\t{name}\n" for id_, name in rows), encoding="utf-8", newline="")


def render_card(counts: Mapping[str, Mapping[str, int]] | None = None) -> str:
    """The dataset card with the rows of each label in each split; without them, a card that stands beside no data."""
    labels = list(next(iter(counts.values())) if counts else LABELS)
    configs = ["configs:", "- config_name: default", "  data_files:"]
    table = [f"| split | {' | '.join(labels)} | all |", "|---" * (len(labels) + 2) + "|"]
    for split, row in (counts or {}).items():
        configs += [f"  - split: {split}", f"    path: {_parquet_path(split)}"]
        table.append(f"| {split} | {' | '.join(str(row[label]) for label in labels)} | {sum(row.values())} |")
    return Template(files(__package__).joinpath("card.md").read_text(encoding="utf-8")).substitute(
        configs="\n".join(configs) if counts else "viewer: false",
        labels=", ".join(f"{index} = {name}" for index, name in enumerate(labels)),
        counts="\n".join(table) if counts else "A card without data: counts stand in the card of a build.",
        citation=CITATION,
    )


def _parquet_path(split: str) -> str:
    return f"data/{split}-00000-of-00001.parquet"
