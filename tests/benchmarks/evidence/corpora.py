"""The corpora of the page: where each lies, what its levels mean, and what to beware of."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

from datasets import Dataset

from blv_trainer.corpora import load_table
from blv_trainer.files import staged_folder

CEFR = ("A1", "A2", "B1", "B2", "C1", "C2")


@dataclass(frozen=True)
class Corpus:
    """One corpus.

    Args:
        title: as it stands on the page.
        language: of its texts.
        level: what a level means.
        beware: what a reader of its figures should know.
        terms: its licence.
        group_column: whose texts belong together; None where nobody has two.
        rater_columns: levels of single raters.
        is_of_groups: whether the level is the group's own, so that its texts may be decided as one.
    """

    title: str
    language: str
    level: str
    beware: str
    terms: str
    group_column: str | None = None
    rater_columns: tuple[str, ...] = ()
    is_of_groups: bool = False


CORPORA = {
    "cefr_sp_wikiauto": Corpus(
        "CEFR-SP Wiki-Auto",
        "English",
        "difficulty of a sentence, the lower of two annotators' levels",
        "sentences of an encyclopedia, not of learners; two annotators agree on 43 %",
        "CC BY-SA 3.0",
        rater_columns=("rater_a", "rater_b"),
    ),
    "merlin_german": Corpus(
        "MERLIN German",
        "German",
        "overall rating of an exam text",
        "the exam paper taken tells much of the level, and so does length; C2 has 4 texts",
        "CC BY-SA 4.0",
    ),
    "cowsl2h": Corpus(
        "COWS-L2H",
        "Spanish",
        "course that the writer was enrolled in",
        "a curriculum label, no rating: neighbouring courses overlap, and 552 learners changed course",
        "Apache 2.0",
        group_column="speaker",
        is_of_groups=True,
    ),
    "clear_readability": Corpus(
        "CLEAR",
        "English",
        "Lexile band of an excerpt",
        "readability of printed texts, no learners; a thin tail at both ends",
        "CC BY-NC-SA 4.0",
        group_column="author",
    ),
    "cefr_asag": Corpus(
        "CEFR-ASAG",
        "English",
        "majority of three examiners on a short answer",
        "299 answers; the question was chosen by the learner's placement level",
        "CC BY-NC-SA 4.0",
        rater_columns=("rater1", "rater2", "rater3"),
    ),
    "essay_br": Corpus(
        "Essay-BR",
        "Portuguese",
        "band of an exam essay's total score",
        "essay quality of native writers; 26 essays have the score 0 for being off topic or copied",
        "MIT",
    ),
}


def load_corpus(name: str, data_dir: Path, output_dir: Path) -> tuple[Dataset, list[str]]:
    """All rows of a corpus with columns ``text`` and ``label``, and its levels, lowest first.

    Args:
        name: a key of ``CORPORA``.
        data_dir: holds a folder for each corpus, with ``data.csv``; CEFR-SP's as its makers publish it.
        output_dir: where CEFR-SP is written as a table.
    """
    path = data_dir / name / "data.csv"
    if name == "cefr_sp_wikiauto":
        path = _cefr_sp(data_dir / name, output_dir)
    corpus = CORPORA[name]
    data = load_table(
        path,
        label_column="level",
        group_column=corpus.group_column,
        rater_columns=list(corpus.rater_columns) or None,
        validation_fraction=0,
    )
    return data.dataset["train"], data.label_names


def _cefr_sp(folder: Path, output_dir: Path) -> Path:
    """Its three files of sentence and two levels from 1 to 6, without a header, as one table."""
    path = output_dir / "cefr_sp_wikiauto.csv"
    if not path.is_file():
        with staged_folder(output_dir) as staging, open(staging / path.name, "w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(["text", "level", *CORPORA["cefr_sp_wikiauto"].rater_columns])
            for split in ("train", "dev", "test"):
                for line in (folder / f"{split}.tsv").read_text(encoding="utf-8").splitlines():
                    text, *levels = line.split("\t")
                    raters = [CEFR[int(level) - 1] for level in levels]
                    writer.writerow([text, min(raters), *raters])
    return path
