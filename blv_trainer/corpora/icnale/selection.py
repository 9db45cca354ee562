"""Which answers of a corpus make up a dataset, and which split each belongs to, as an `IcnaleConfig` says."""

import logging
import re
from collections import defaultdict
from dataclasses import replace
from os import PathLike
from typing import Any

from blv_trainer.corpora.icnale.builder_config import IcnaleConfig
from blv_trainer.corpora.icnale.names import Answer, Transcript, normalize_id
from blv_trainer.corpora.splits import SPLIT_NAMES, k_folds, split_by_group
from blv_trainer.corpora.table.named_columns import label_name
from blv_trainer.corpora.table.read import read_chunks

logger = logging.getLogger(__name__)

_SPLIT_NAME = re.compile(r"\w{1,100}(\.\w{1,100})?", re.ASCII)  # it becomes part of a file's name


def wanted_answers(answers: list[Answer], config: IcnaleConfig) -> list[Answer]:
    """The answers that natives, topics and regions let through and that have a text, or a recording for Whisper."""
    return [
        answer
        for answer in answers
        if (config.natives or answer.label != "native")
        and answer.topic in (config.topics or ())
        and answer.region in (config.regions or ())
        and (answer.text if config.transcripts == "human" else answer.audio) is not None
    ]


def select_answers(answers: list[Answer], transcripts: dict[str, Transcript], config: IcnaleConfig) -> list[Answer]:
    """The wanted answers that have the text asked for, with what Whisper heard; at least one."""
    wanted = [replace(answer, heard=transcripts.get(answer.id)) for answer in wanted_answers(answers, config)]
    lacking = [answer.id for answer in wanted if config.transcripts != "human" and answer.heard is None]
    if lacking:
        path = config.transcripts_path
        message = f"{path} lacks {len(lacking)} of {len(wanted)} recordings, for example {lacking[0]}."
        if not config.allow_missing:
            cure = "Transcribe them with `blv-trainer transcribe` or whisper_model=NAME"
            if config.whisper_model is not None:
                cure = "They cannot be transcribed; the log says why. Mend them"
            raise ValueError(f"{message} {cure}, or leave them out with allow_missing=True.")
        logger.warning("%s They are left out.", message)
        wanted = [answer for answer in wanted if answer.heard is not None]
    if not wanted:
        missing = "text" if config.transcripts == "human" else "recording with a transcript"
        raise ValueError(
            f"{config.data_dir} has no answer with a {missing} that natives={config.natives}, topics={config.topics} "
            f"and regions={config.regions} let through."
        )
    return wanted


def assign_splits(answers: list[Answer], config: IcnaleConfig) -> list[str | None]:
    """Name of the split of each answer; None where a split file leaves an answer out."""
    if config.split_file is not None:
        return _assign_by_file(answers, config.split_file)
    labels = [config.class_of(answer.label) for answer in answers]
    groups = [answer.id if config.split_by == "sample" else answer.speaker for answer in answers]
    how: dict[str, Any] = {"strata": [answer.region for answer in answers], "seed": config.split_seed}
    if config.num_folds is not None:
        folds = k_folds(labels, groups, num_folds=config.num_folds, **how)
        return ["test" if fold == config.fold else "train" for fold in folds]
    if config.split_by == "kfold":
        return [f"fold_{fold}" for fold in k_folds(labels, groups, num_folds=config.folds, **how)]
    return split_by_group(labels, groups, **how).tolist()


def read_assignment(path: str | PathLike) -> dict[str, str]:
    """Split name of each answer's id in a table with the columns ``id`` and ``split``, in its order."""
    raw = next(read_chunks(path))
    if missing := sorted({"id", "split"}.difference(raw.columns.column_names)):
        raise ValueError(f"{path}: the header must name id and split; missing: {missing}.")
    assignment: dict[str, str] = {}
    cells = (map(label_name, raw.columns[column].to_pylist()) for column in ("id", "split"))
    for row, id_, name in zip(raw.rows, *cells, strict=True):
        where = f"{path}, {raw.unit} {row}"
        if not id_ or not name:
            raise ValueError(f"{where}: id and split must both be filled in.")
        if not _SPLIT_NAME.fullmatch(name):
            raise ValueError(f"{where}: {name!r} cannot name a split; use letters, digits and _.")
        other = assignment.setdefault(normalize_id(id_), name)
        if other != name:
            raise ValueError(f"{where}: {id_} is in {other!r} and in {name!r}.")
    return assignment


def _assign_by_file(answers: list[Answer], path: str) -> list[str | None]:
    by_id = read_assignment(path)
    split = [by_id.get(answer.id) for answer in answers]
    num_missing, num_unknown = split.count(None), len(by_id.keys() - {answer.id for answer in answers})
    if num_missing == len(answers):
        raise ValueError(f"{path} has none of the {len(answers)} answers; its ids must look like {answers[0].id}.")
    if num_missing:
        logger.warning("%s lacks %d of %d answers: they are in no split.", path, num_missing, len(answers))
    if num_unknown:
        logger.warning("%s names %d answers that are not in the dataset.", path, num_unknown)
    return split


def split_order(names: set[str]) -> list[str]:
    """Names of splits in the order in which people expect them: train, validation, test, then the rest."""
    known = [name for name in SPLIT_NAMES if name in names]
    return known + sorted(names - set(known), key=lambda name: (len(name), name))


def describe_leak(answers: list[Answer], split: list[str | None]) -> str:
    """A sentence on the test speakers who also stand in train; empty where there are none."""
    speakers = defaultdict(set)
    for answer, own in zip(answers, split, strict=True):
        speakers[own].add(answer.speaker)
    if not (leaked := speakers["train"] & speakers["test"]):
        return ""
    return (
        f"{len(leaked)} of the {len(speakers['test'])} test speakers also stand in train, with the same level: scores "
        "on this split flatter a model that recognises speakers. split_by='speaker' keeps them apart."
    )
