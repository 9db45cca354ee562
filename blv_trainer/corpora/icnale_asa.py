"""The builder behind ``load_dataset("icnale_asa", data_dir=...)``; importing ``blv_trainer`` registers it."""

import logging
import warnings
from collections.abc import Iterator
from typing import Any

import datasets

from blv_trainer.corpora.icnale.background import BACKGROUND_COLUMNS
from blv_trainer.corpora.icnale.builder_config import IcnaleConfig
from blv_trainer.corpora.icnale.folder import read_folder
from blv_trainer.corpora.icnale.names import Answer
from blv_trainer.corpora.icnale.parquet_folder import CITATION
from blv_trainer.corpora.icnale.selection import assign_splits, describe_leak, select_answers, split_order
from blv_trainer.corpora.icnale.transcripts import whisper_transcripts

logger = logging.getLogger(__name__)

_COLUMNS = ("id", "text", "label", "region", "speaker", "task", "topic", "trial", "audio", "duration_s")
_NUM_SHARDS = 16  # parts of a split that num_proc and streaming workers share out; each one costs time


class IcnaleAsa(datasets.GeneratorBasedBuilder):
    """The ICNALE Spoken Monologue for automated speaking assessment: one answer a row, its level as the label.

    Options are those of `IcnaleConfig`. Columns: id, text, label, region, speaker, task, topic, trial, audio (path),
    duration_s; ``text_human`` with ``transcripts="both"``; ``text_raw`` with ``raw_text=True``; and those of
    ``BACKGROUND_COLUMNS`` with ``background=FILE``.

    Examples:
        >>> import tempfile
        >>> import datasets
        >>> import blv_trainer
        >>> from blv_trainer.corpora.synthetic import write_corpus
        >>> folder = write_corpus(tempfile.mkdtemp(), 40).folder
        >>> corpus = datasets.load_dataset("icnale_asa", data_dir=str(folder), cache_dir=tempfile.mkdtemp())
        >>> {name: split.num_rows for name, split in corpus.items()}
        {'train': 120, 'validation': 20, 'test': 20}
        >>> corpus["train"].features["label"].names
        ['A2', 'B1_1', 'B1_2', 'B2', 'native']
    """

    VERSION = datasets.Version("1.0.0")
    BUILDER_CONFIG_CLASS = IcnaleConfig

    def _info(self) -> datasets.DatasetInfo:
        config = self.config
        columns = [*_COLUMNS]
        columns += ["text_human"] if config.transcripts == "both" else []
        columns += ["text_raw"] if config.raw_text else []
        columns += BACKGROUND_COLUMNS if config.background is not None else []
        kinds = {  # the others are texts, audio as well: datasets.Audio would need torchcodec even for a path
            "label": datasets.ClassLabel(names=config.label_names),
            "trial": datasets.Value("int8"),
            "duration_s": datasets.Value("float32"),
        }
        features = {column: kinds.get(column, datasets.Value("string")) for column in columns}
        return datasets.DatasetInfo(
            features=datasets.Features(features),
            homepage="https://language.sakura.ne.jp/icnale/",
            license="ICNALE terms of use: after registration, no redistribution of any part",
            citation=CITATION,
        )

    def _split_generators(self, dl_manager: datasets.DownloadManager) -> list[datasets.SplitGenerator]:
        config = self.config
        corpus = read_folder(config)
        logger.info("%s: %s", config.data_dir, corpus.report.summary())
        answers = select_answers(corpus.answers, whisper_transcripts(corpus.answers, config), config)
        split = assign_splits(answers, config)
        self.info.description = f"{corpus.report.summary()}\n{describe_leak(answers, split)}"
        return [
            datasets.SplitGenerator(
                name=name,
                gen_kwargs={
                    "shards": _shards([answer for answer, own in zip(answers, split, strict=True) if own == name]),
                    "background": corpus.background,
                },
            )
            for name in split_order({name for name in split if name is not None})
        ]

    def _generate_examples(
        self, shards: list[list[Answer]], background: dict[str, dict[str, str | None]]
    ) -> Iterator[tuple[str, dict]]:
        for shard in shards:
            for answer in shard:
                yield answer.id, self._example(answer, background.get(answer.speaker, {}))

    def as_dataset(self, *args: Any, **kwargs: Any) -> Any:
        """As in the base class; warns of speakers that leak."""
        self._warn()
        return super().as_dataset(*args, **kwargs)

    def as_streaming_dataset(self, *args: Any, **kwargs: Any) -> Any:
        """As in the base class; warns of speakers that leak."""
        streams = super().as_streaming_dataset(*args, **kwargs)
        self._warn()
        return streams

    def _warn(self) -> None:
        # The sentence is kept in the info, so that a cached build warns like a fresh one.
        if leak := self.info.description.partition("\n")[2]:
            warnings.warn(leak, UserWarning, stacklevel=3)

    def _example(self, answer: Answer, background: dict[str, str | None]) -> dict:
        duration_s = answer.heard.duration_s if answer.heard else None
        if self.config.durations and answer.audio is not None and duration_s is None:
            duration_s = _duration_s(answer.audio)
        example = {
            **{name: getattr(answer, name) for name in ("id", "region", "speaker", "task", "topic", "audio")},
            **{column: background.get(column) for column in BACKGROUND_COLUMNS},
            "text": answer.heard.text if answer.heard else answer.text,
            "text_human": answer.text,
            "text_raw": answer.raw_text,
            "label": self.config.class_of(answer.label),
            "trial": int(answer.task[3]),
            "duration_s": duration_s,
        }
        return {column: example[column] for column in self.info.features}


def _shards(answers: list[Answer]) -> list[list[Answer]]:
    """Consecutive parts of nearly equal length, none of them empty."""
    size = -(-len(answers) // _NUM_SHARDS)
    return [answers[start : start + size] for start in range(0, len(answers), size)]


def _duration_s(path: str) -> float | None:
    """Seconds by the file's header; None, and a line in the log, where it cannot be read."""
    from blv_trainer.asr import duration_of

    duration_s = duration_of(path) or None
    if duration_s is None:
        logger.warning("%s: no length can be read.", path)
    return duration_s
