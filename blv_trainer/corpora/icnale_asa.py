"""The builder behind ``load_dataset("icnale_asa", data_dir=...)``; importing ``blv_trainer`` registers it."""

import logging
import warnings
from collections.abc import Iterator
from typing import Any

import datasets

from blv_trainer.corpora.icnale import read_corpus
from blv_trainer.corpora.icnale.answer import Answer
from blv_trainer.corpora.icnale.background import BACKGROUND_COLUMNS
from blv_trainer.corpora.icnale.card import CITATION
from blv_trainer.corpora.icnale.config import IcnaleConfig
from blv_trainer.corpora.icnale.selection import assign_splits, describe_leak, select_answers, split_order
from blv_trainer.corpora.icnale.text import TextCleaning
from blv_trainer.corpora.icnale.transcripts import Transcript
from blv_trainer.corpora.icnale.whisper import whisper_transcripts

logger = logging.getLogger(__name__)

_NUM_SHARDS = 16  # parts of a split that num_proc and streaming workers share out


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
        text = datasets.Value("string")
        columns = {
            "id": text,
            "text": text,
            "label": datasets.ClassLabel(names=self.config.label_names),
            "region": text,
            "speaker": text,
            "task": text,
            "topic": text,
            "trial": datasets.Value("int8"),
            "audio": text,  # a path: datasets.Audio would need torchcodec even for a path
            "duration_s": datasets.Value("float32"),
        }
        if self.config.transcripts == "both":
            columns["text_human"] = text
        if self.config.raw_text:
            columns["text_raw"] = text
        if self.config.background is not None:
            columns |= dict.fromkeys(BACKGROUND_COLUMNS, text)
        return datasets.DatasetInfo(
            features=datasets.Features(columns),
            homepage="https://language.sakura.ne.jp/icnale/",
            license="ICNALE terms of use: after registration, no redistribution of any part",
            citation=CITATION,
        )

    def _split_generators(self, dl_manager: datasets.DownloadManager) -> list[datasets.SplitGenerator]:
        config = self.config
        corpus = read_corpus(
            config.data_dir,
            audio_dir=config.audio_dir,
            text_tree=config.text_tree,
            needs_texts=config.transcripts != "whisper",
            level_from=config.level_from,
            cleaning=TextCleaning(config.keep_breaks, config.keep_masks, config.keep_trailing, config.keep_fillers),
            background=config.background,
        )
        logger.info("%s: %s", config.data_dir, corpus.report.summary())
        transcripts = whisper_transcripts(corpus.answers, config)
        answers = select_answers(corpus.answers, transcripts, config)
        split = assign_splits(answers, config)
        self.info.description = f"{corpus.report.summary()}\n{describe_leak(answers, split)}"
        return [
            datasets.SplitGenerator(
                name=name,
                gen_kwargs={
                    "shards": _shards([answer for answer, own in zip(answers, split, strict=True) if own == name]),
                    "transcripts": transcripts,
                    "background": corpus.background,
                },
            )
            for name in split_order({name for name in split if name is not None})
        ]

    def _generate_examples(
        self,
        shards: list[list[Answer]],
        transcripts: dict[str, Transcript],
        background: dict[str, dict[str, str | None]],
    ) -> Iterator[tuple[str, dict]]:
        for shard in shards:
            for answer in shard:
                yield answer.id, self._example(answer, transcripts.get(answer.id), background.get(answer.speaker, {}))

    def as_dataset(self, *args: Any, **kwargs: Any) -> datasets.Dataset | datasets.DatasetDict:
        """As in the base class; warns of speakers that leak."""
        self._warn()
        return super().as_dataset(*args, **kwargs)

    def as_streaming_dataset(
        self, *args: Any, **kwargs: Any
    ) -> datasets.IterableDataset | datasets.IterableDatasetDict:
        """As in the base class; warns of speakers that leak."""
        streams = super().as_streaming_dataset(*args, **kwargs)
        self._warn()
        return streams

    def _warn(self) -> None:
        # The sentence is kept in the info, so that a cached build warns like a fresh one.
        leak = self.info.description.partition("\n")[2]
        if leak:
            warnings.warn(leak, UserWarning, stacklevel=3)

    def _example(self, answer: Answer, transcript: Transcript | None, background: dict[str, str | None]) -> dict:
        config = self.config
        example = {
            "id": answer.id,
            "text": answer.text if transcript is None else transcript.text,
            "label": config.label_names.index(config.label_of(answer)),
            "region": answer.region,
            "speaker": answer.speaker,
            "task": answer.task,
            "topic": answer.topic,
            "trial": answer.trial,
            "audio": answer.audio,
            "duration_s": transcript.duration_s if transcript else None,
        }
        if config.durations and answer.audio is not None and example["duration_s"] is None:
            example["duration_s"] = _duration_s(answer.audio)
        if config.transcripts == "both":
            example["text_human"] = answer.text
        if config.raw_text:
            example["text_raw"] = answer.raw_text
        if config.background is not None:
            example |= {column: background.get(column) for column in BACKGROUND_COLUMNS}
        return example


def _shards(answers: list[Answer]) -> list[list[Answer]]:
    """Consecutive parts of nearly equal length, none of them empty."""
    size = -(-len(answers) // _NUM_SHARDS)
    return [answers[start : start + size] for start in range(0, len(answers), size)]


def _duration_s(path: str) -> float | None:
    """Seconds by the file's header; None, and a line in the log, where it cannot be read."""
    import soundfile

    try:
        info = soundfile.info(path)
    except (soundfile.LibsndfileError, OSError) as error:
        logger.warning("%s: no length can be read (%s).", path, error)
        return None
    return info.frames / info.samplerate
