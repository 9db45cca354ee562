"""The dataset card: one template, with or without the figures of a build."""

from collections.abc import Mapping
from importlib.resources import files
from string import Template

from blv_trainer.corpora.icnale.names import LABELS

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


def render_card(counts: Mapping[str, Mapping[str, int]] | None = None) -> str:
    """The card as Markdown with YAML metadata.

    Args:
        counts: Rows of each label in each split, of which the card then names the files; None for a card that stands
            beside no data.

    Examples:
        >>> "| train | 3 | 1 | 4 |" in render_card({"train": {"A2": 3, "B1": 1}})
        True
    """
    labels = list(next(iter(counts.values())) if counts else LABELS)
    return Template(files(__package__).joinpath("card.md").read_text(encoding="utf-8")).substitute(
        configs=_configs(counts) if counts else "viewer: false",
        labels=", ".join(f"{index} = {name}" for index, name in enumerate(labels)),
        counts=_table(counts, labels) if counts else "A card without data: counts stand in the card of a build.",
        citation=CITATION,
    )


def parquet_path(split: str) -> str:
    """Path of a split's file in a dataset folder."""
    return f"data/{split}-00000-of-00001.parquet"


def _configs(counts: Mapping[str, Mapping[str, int]]) -> str:
    lines = ["configs:", "- config_name: default", "  data_files:"]
    for split in counts:
        lines += [f"  - split: {split}", f"    path: {parquet_path(split)}"]
    return "\n".join(lines)


def _table(counts: Mapping[str, Mapping[str, int]], labels: list[str]) -> str:
    lines = [f"| split | {' | '.join(labels)} | all |", "|---" * (len(labels) + 2) + "|"]
    for split, row in counts.items():
        lines.append(f"| {split} | {' | '.join(str(row[label]) for label in labels)} | {sum(row.values())} |")
    return "\n".join(lines)
