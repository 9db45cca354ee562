"""Writes an invented corpus to a folder, under the names and in the folders of the ICNALE Spoken Monologue."""

import os
import random
from collections import Counter, defaultdict
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from blv_trainer.corpora.icnale.answer import Answer
from blv_trainer.corpora.icnale.background import BACKGROUND_COLUMNS
from blv_trainer.corpora.icnale.names import CODE_OF_LABEL, AnswerKey
from blv_trainer.corpora.icnale.report import Finding
from blv_trainer.corpora.synthetic.background import write_sheet
from blv_trainer.corpora.synthetic.draft import LAYOUTS, Draft, DraftFile
from blv_trainer.corpora.synthetic.faults import FAULTS
from blv_trainer.corpora.synthetic.text import generate_answers

AUDIO_CHOICES = (None, "mp3", "wav", "names")
BACKGROUND_FILE = "ICNALE_SM_Background.xlsx"
_C1_APOSTROPHE = "\x92"  # an apostrophe of Windows-1252 read as Latin-1


@dataclass(frozen=True)
class WrittenCorpus:
    """What stands in a written folder.

    Args:
        folder: The corpus folder.
        answers: What a reader should give with the level of the audio names, in its order; ``audio`` and
            ``raw_text`` are None.
        planted: What a reader should report.
    """

    folder: Path
    answers: list[Answer]
    planted: list[Finding]


def write_corpus(
    folder: str | os.PathLike,
    num_speakers: int = 300,
    *,
    seed: int = 0,
    layout: str = "2.1",
    audio: str | None = None,
    duration_s: float = 60.0,
    background: bool = False,
    irregularities: bool | Collection[str] = False,
) -> WrittenCorpus:
    """Writes the answers of `generate_answers` as a corpus folder; the same arguments write the same names and texts.

    Args:
        folder: Where to write; made if missing, must be empty.
        num_speakers: As in `generate_answers`; all irregularities together need about 100.
        seed: As in `generate_answers`; also chooses what irregularities hit.
        layout: Folders of release ``2.1`` or ``2.0``, or ``flat`` for all files in one folder.
        audio: ``mp3`` or ``wav`` for a speech-like signal, ``names`` for mp3 names without sound, None for no
            recordings.
        duration_s: Length of a recording in seconds.
        background: Whether to write a background sheet.
        irregularities: True plants one or two of every kind in ``FAULTS`` that has a place, or name the kinds.

    Raises:
        FileExistsError: Where the folder is not empty.
        ValueError: Where an argument is none of the choices.

    Examples:
        >>> import tempfile
        >>> corpus = write_corpus(tempfile.mkdtemp(), 5, layout="flat")
        >>> len(corpus.answers), corpus.planted
        (20, [])
        >>> sorted(path.name for path in corpus.folder.iterdir())[0]
        'SM_CHN_PTJ1_001_B1_2.txt'
    """
    kinds = _check(layout, audio, irregularities)
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    if any(folder.iterdir()):
        raise FileExistsError(f"{folder} is not empty. Give a new folder.")
    draft = _draft(generate_answers(num_speakers, seed=seed), layout, audio, background, seed)
    for kind in kinds:
        for _ in range(1 + (draft.rng.random() < 0.5)):
            FAULTS[kind](draft)
    _write_texts(folder, draft)
    _write_audio(folder, draft, audio, duration_s)
    _write_others(folder, draft)
    return WrittenCorpus(folder, [draft.answers[key] for key in sorted(draft.answers)], sorted(draft.planted))


def _check(layout: str, audio: str | None, irregularities: bool | Collection[str]) -> list[str]:
    if layout not in LAYOUTS:
        raise ValueError(f"layout={layout!r} is unknown. Choose from: {', '.join(LAYOUTS)}.")
    if audio not in AUDIO_CHOICES:
        raise ValueError(f"audio={audio!r} is unknown. Choose from: {', '.join(map(str, AUDIO_CHOICES))}.")
    if isinstance(irregularities, bool):
        return list(FAULTS) if irregularities else []
    unknown = sorted(set(irregularities) - set(FAULTS))
    if unknown:
        raise ValueError(f"irregularities={unknown} are unknown. Choose from: {', '.join(FAULTS)}.")
    return list(irregularities)


def _draft(answers: list[Answer], layout: str, audio: str | None, background: bool, seed: int) -> Draft:
    rng = random.Random(f"{seed}:draft")
    by_key = {AnswerKey(answer.region, answer.speaker[4:], answer.task): answer for answer in answers}
    texts = {}
    for key, answer in by_key.items():
        raw_text, text = _dress(answer.text or "", rng)
        texts[key] = DraftFile(key, answer.label, raw_text)
        by_key[key] = Answer(**vars(answer) | {"text": text})
    return Draft(
        layout=LAYOUTS[layout],
        answers=by_key,
        texts=texts,
        audio={key: DraftFile(key, answer.label) for key, answer in by_key.items()} if audio else {},
        audio_extension=".wav" if audio == "wav" else ".mp3",
        rng=rng,
        background={answer.speaker: answer.label for answer in answers} if background else {},
    )


def _dress(text: str, rng: random.Random) -> tuple[str, str]:
    """A raw text as files have it, and what cleaning should make of it; shares as in release 2.1."""
    text = text.replace("'", "\N{RIGHT SINGLE QUOTATION MARK}")
    if rng.random() < 0.02:
        text = text.replace(". ", ". My name is [***]. ", 1)
    raw_text = text
    if rng.random() < 0.2:  # has few apostrophes to hit, hence more often than the 2 % of files
        raw_text = raw_text.replace("\N{RIGHT SINGLE QUOTATION MARK}", _C1_APOSTROPHE)
    if rng.random() < 0.05:
        raw_text = raw_text.replace(". ", ".\r\n\r\n")
    if rng.random() < 0.045:
        raw_text = "\n" + raw_text
    return raw_text, text


def _write_texts(folder: Path, draft: Draft) -> None:
    layout, merged = draft.layout, defaultdict(list)
    for answer_key, file in draft.texts.items():
        content = file.content if isinstance(file.content, bytes) else file.content.encode("utf-8-sig")
        _write(folder / layout.text_path(file.key, file.label), content)
        if layout.twin:
            _write(folder / layout.twin_path(file.key, draft.twin_labels.get(answer_key, file.label)), content)
        merged[f"SM_{file.key.region}_{CODE_OF_LABEL[file.label]}.txt"].append(content)
    if layout.merged:
        for name, contents in merged.items():
            _write(folder / layout.merged / name, b"\r\n".join(contents))


def _write_audio(folder: Path, draft: Draft, audio: str | None, duration_s: float) -> None:
    per_region = Counter(key.region for key in draft.audio)
    for number, file in enumerate(draft.audio.values()):
        region_folder = f"ICNALE_SM_{file.key.region}_N{per_region[file.key.region]}"
        path = folder / draft.layout.audio_path(file.key, file.label, draft.audio_extension, region_folder)
        path.parent.mkdir(parents=True, exist_ok=True)
        if audio == "names":
            path.write_bytes(b"")
        else:
            from blv_trainer.corpora.synthetic.audio import write_speech_like

            pitch_hz = 90.0 + 13.0 * (int(file.key.number) % 12)  # a voice of one's own
            write_speech_like(path, duration_s, pitch_hz=pitch_hz, seed=number)


def _write_others(folder: Path, draft: Draft) -> None:
    for path, content in draft.extra.items():
        _write(folder / path, content)
    for path, target in draft.links.items():
        (folder / path).symlink_to(target)
    if draft.background:
        rows: list[tuple[str | int, ...]] = [("Module", "Code", *BACKGROUND_COLUMNS.values())]
        rows += [_background_row(speaker, label) for speaker, label in draft.background.items()]
        write_sheet(folder / BACKGROUND_FILE, rows)


def _background_row(speaker: str, label: str) -> tuple[str | int, ...]:
    number = int(speaker[4:])
    sex, genre = "FM"[number % 2], ("Sciences", "Humanities", "Social Sciences")[number % 3]
    ens_type = "Student" if label == "native" else "-"
    return ("SM", f"SM_{speaker}", speaker[:3], "-", sex, 18 + number % 6, ens_type, genre, CODE_OF_LABEL[label], 20)


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
