"""An invented corpus before it is written: files by answer, so that faults can be planted and their effect be known."""

import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from blv_trainer.corpora.icnale.answer import Answer
from blv_trainer.corpora.icnale.names import CODE_OF_LABEL, AnswerKey
from blv_trainer.corpora.icnale.report import Finding

T = TypeVar("T")


@dataclass(frozen=True)
class Layout:
    """Where a release keeps its files, relative to the corpus folder.

    Args:
        texts: Tree of texts that a reader should choose.
        is_classified: Whether that tree has one folder for each region and level.
        audio: Folder of the recordings.
        has_audio_folders: Whether it has one folder for each region.
        twin: A second, classified tree of the same texts.
        merged: Folder of merged texts, never to be read.
    """

    texts: str
    is_classified: bool
    audio: str
    has_audio_folders: bool
    twin: str | None = None
    merged: str | None = None

    def text_path(self, key: AnswerKey, label: str) -> str:
        """Path of a text in the tree that a reader should choose."""
        return _join(self.texts, _class_folder(key, label) if self.is_classified else "", _name(key, label, ".txt"))

    def twin_path(self, key: AnswerKey, label: str) -> str:
        """Path of a text in the second tree."""
        return _join(self.twin, _class_folder(key, label), _name(key, label, ".txt"))

    def audio_path(self, key: AnswerKey, label: str, extension: str, folder: str = "") -> str:
        """Path of a recording; ``folder`` is that of its region, where regions have folders."""
        return _join(self.audio, folder if self.has_audio_folders else "", _name(key, label, extension))


LAYOUTS = {
    "2.1": Layout(
        texts="ICNALE_SM_2.1/SM_0_Unclassified_Unmerged",
        is_classified=False,
        twin="ICNALE_SM_2.1/SM_1_Classified_Unmerged",
        merged="ICNALE_SM_2.1/SM_2_Classified_Merged",
        audio="ICNALE_SM_Audio",
        has_audio_folders=True,
    ),
    "2.0": Layout(
        texts="ICNALE_SM_2.0_T/ICNALE_Spoken_Monologue_2.0_Transcripts/Unmerged_classified",
        is_classified=True,
        merged="ICNALE_SM_2.0_T/ICNALE_Spoken_Monologue_2.0_Transcripts/Merged/Plain Text",
        audio="ICNALE_SM_2.0_A",
        has_audio_folders=True,
    ),
    "flat": Layout(texts="", is_classified=False, audio="", has_audio_folders=False),
}


@dataclass
class DraftFile:
    """A text or a recording under the name that it will get.

    Args:
        key: What the name says.
        label: What the name says.
        content: Text (written as UTF-8 with BOM) or bytes; recordings get theirs when they are written.
    """

    key: AnswerKey
    label: str
    content: str | bytes = b""


@dataclass
class Draft:
    """A corpus in the making.

    Args:
        layout: Where files go.
        answers: What a reader should give, by answer; faults keep it true.
        texts: The text of each answer, under whatever name.
        audio: The recording of each answer; empty where the corpus has none.
        audio_extension: ``.mp3`` or ``.wav``.
        rng: Chooses what is hit.
        background: CEFR level of each speaker in the background sheet; empty where there is none.
        twin_labels: Labels that the second tree gives to texts, where they differ.
        extra: Further files by path.
        links: Further links by path: where they lead, relative to their folder.
        planted: What a reader should find.
    """

    layout: Layout
    answers: dict[AnswerKey, Answer]
    texts: dict[AnswerKey, DraftFile]
    audio: dict[AnswerKey, DraftFile]
    audio_extension: str
    rng: random.Random
    background: dict[str, str] = field(default_factory=dict)
    twin_labels: dict[AnswerKey, str] = field(default_factory=dict)
    extra: dict[str, bytes] = field(default_factory=dict)
    links: dict[str, str] = field(default_factory=dict)
    planted: list[Finding] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._fresh = {key.speaker: [k for k in self.answers if k.speaker == key.speaker] for key in self.answers}

    def plant(self, kind: str, subject: str, detail: str = "") -> None:
        """Notes what a reader should find."""
        self.planted.append(Finding(kind, subject, detail))

    def choose(self, options: Sequence[T]) -> T:
        """One of the options at random, the same on every machine."""
        return options[int(self.rng.random() * len(options))]

    def take_learner(self, *, with_next: bool = False) -> list[AnswerKey] | None:
        """The answers of a learner whom no fault has hit, nor the neighbours, so that faults do not mix.

        Args:
            with_next: Whether the next number must be a learner of another level.

        Returns:
            The learner's four answers; None where all learners are used up.
        """
        speakers = [speaker for speaker in sorted(self._fresh) if self._is_suitable(speaker, with_next)]
        if not speakers:
            return None
        speaker = self.choose(speakers)
        keys = self._fresh.pop(speaker)
        for neighbour in _around(speaker, range(-2, 3)):
            self._fresh.pop(neighbour, None)
        return keys

    def text_path(self, key: AnswerKey) -> str:
        """Path of an answer's text in the tree that a reader should choose."""
        return self.layout.text_path(self.texts[key].key, self.texts[key].label)

    def lose_text(self, key: AnswerKey) -> None:
        """Makes the answer one without a text: only its recording is left, if it has one."""
        if key in self.audio:
            self.answers[key] = Answer(**vars(self.answers[key]) | {"text": None})
            self.plant("audio_without_text", key.id)
        else:
            del self.answers[key]

    def set_text(self, key: AnswerKey, raw_text: str | bytes, text: str | None) -> None:
        """Gives an answer another text, and says what cleaning should make of it."""
        self.texts[key].content = raw_text
        self.answers[key] = Answer(**vars(self.answers[key]) | {"text": text})

    def set_label(self, key: AnswerKey, label: str) -> None:
        """Gives an answer another label; its files keep their names."""
        self.answers[key] = Answer(**vars(self.answers[key]) | {"label": label})

    def _is_suitable(self, speaker: str, with_next: bool) -> bool:
        if speaker.startswith("ENS"):
            return False
        if not with_next:
            return True
        following = _around(speaker, [1])[0]
        return following in self._fresh and self._label(following) != self._label(speaker)

    def _label(self, speaker: str) -> str:
        return self.answers[self._fresh[speaker][0]].label


def _around(speaker: str, offsets: Iterable[int]) -> list[str]:
    region, number = speaker.split("_")
    return [f"{region}_{int(number) + offset:03}" for offset in offsets]


def _name(key: AnswerKey, label: str, extension: str) -> str:
    return key.stem(CODE_OF_LABEL[label]) + extension


def _class_folder(key: AnswerKey, label: str) -> str:
    return f"SM_{key.region}_{CODE_OF_LABEL[label]}"


def _join(*parts: str | None) -> str:
    return "/".join(part for part in parts if part)
