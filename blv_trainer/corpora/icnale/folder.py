"""Reads a folder of the ICNALE Spoken Monologue: texts and recordings joined, levels settled, everything reported.

A join on equal file names would lose 17 of the 4,400 texts of release 2.1: names of text and recording may differ in
the level, and one text has its neighbour's number. Here the join is on region, task and number.
"""

import os
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

from blv_trainer.corpora.icnale.answer import Answer
from blv_trainer.corpora.icnale.background import check_background, read_background
from blv_trainer.corpora.icnale.files import CorpusFile, CorpusFiles, find_files
from blv_trainer.corpora.icnale.names import AnswerKey
from blv_trainer.corpora.icnale.report import Finding, QualityReport
from blv_trainer.corpora.icnale.text import TextCleaning, decode, features

LEVEL_RULES = ("audio", "text", "drop")


@dataclass
class Corpus:
    """What a folder holds.

    Args:
        answers: Sorted by region, number and task; ``text`` is None where there is only a recording.
        report: What was met on the way.
        background: What the background sheet says of each speaker; empty without a sheet.
    """

    answers: list[Answer]
    report: QualityReport
    background: dict[str, dict[str, str | None]] = field(default_factory=dict)


def read_corpus(
    data_dir: str | os.PathLike,
    *,
    audio_dir: str | os.PathLike | None = None,
    text_tree: str | None = None,
    needs_texts: bool = True,
    level_from: str = "audio",
    cleaning: TextCleaning | None = None,
    min_words: int = 20,
    background: str | os.PathLike | None = None,
) -> Corpus:
    """Reads all answers of a corpus folder.

    Args:
        data_dir: As in `find_files`.
        audio_dir: As in `find_files`.
        text_tree: As in `find_files`.
        needs_texts: As in `find_files`.
        level_from: Which name decides where text and recording give different levels: ``audio`` (agrees with the
            published counts), ``text``, or ``drop`` to leave such answers out.
        cleaning: What to remove from the texts; None for `TextCleaning`'s defaults.
        min_words: Texts with fewer words are reported.
        background: The background sheet (xlsx), to be compared with the names.

    Raises:
        FileNotFoundError: As `find_files` and `read_background`.
        ValueError: Where ``level_from`` is unknown, and as `find_files` and `read_background`.
    """
    if level_from not in LEVEL_RULES:
        raise ValueError(f"level_from={level_from!r} is unknown. Choose from: {', '.join(LEVEL_RULES)}.")
    files = find_files(data_dir, audio_dir=audio_dir, text_tree=text_tree, needs_texts=needs_texts)
    findings = files.findings
    audio = _one_recording_each(files, findings)
    texts = _one_text_each(files.texts, audio, findings)
    report = QualityReport(
        data_dir=os.fspath(data_dir),
        text_tree=files.text_tree,
        trees_not_read=files.trees_not_read,
        num_audio=len(files.audio),
        findings=findings,
    )
    contents = _read_texts(texts, cleaning or TextCleaning(), min_words, report)
    answers = []
    for key in sorted(contents.keys() | audio.keys()):
        label = _settle_level(key, texts.get(key), audio.get(key), level_from, findings)
        if audio and key not in audio:
            findings.append(Finding("text_without_audio", key.id))
        if texts and key not in contents:
            findings.append(Finding("audio_without_text", key.id))
        if label is not None:
            raw_text, text = contents.get(key, (None, None))
            path = audio[key].full_path if key in audio else None
            answers.append(Answer.from_key(key, label, text, audio=path, raw_text=raw_text))
    findings += _several_levels(answers) + _same_texts(answers)
    sheet = read_background(background) if background is not None else {}
    if background is not None and sheet:
        findings += check_background(answers, sheet)
        findings[:] = [f for f in findings if f.kind != "other_file" or not _is_same(data_dir, f.subject, background)]
    findings.sort()
    report.counts = Counter((answer.region, answer.label) for answer in answers)
    return Corpus(answers, report, sheet)


def _is_same(folder: str | os.PathLike, path: str, other: str | os.PathLike) -> bool:
    path = os.path.join(os.path.expanduser(folder), path)
    return os.path.exists(path) and os.path.samefile(path, os.path.expanduser(other))


def _one_recording_each(files: CorpusFiles, findings: list[Finding]) -> dict[AnswerKey, CorpusFile]:
    """Of several recordings of an answer, the one whose level is the text's, else the first by name."""
    levels_in_texts = {(file.key, file.label) for file in files.texts}
    candidates = defaultdict(list)
    for file in files.audio:
        candidates[file.key].append(file)
    chosen = {}
    for key, recordings in candidates.items():
        recordings.sort(key=lambda file: ((key, file.label) not in levels_in_texts, file))
        chosen[key] = recordings[0]
        findings += [Finding("duplicate_audio", f.path, f"{recordings[0].path} is read") for f in recordings[1:]]
    return chosen


def _one_text_each(
    files: list[CorpusFile], audio: dict[AnswerKey, CorpusFile], findings: list[Finding]
) -> dict[AnswerKey, CorpusFile]:
    """Of several texts of an answer, the one with its speaker's level; another may be the neighbour's."""
    candidates = defaultdict(list)
    for file in files:
        candidates[file.key].append(file)
    usual_level = _usual_levels(file for texts in candidates.values() if len(texts) == 1 for file in texts)
    chosen, surplus = {}, []
    for key, texts in candidates.items():
        level = audio[key].label if key in audio else usual_level.get(key.speaker)
        texts.sort(key=lambda file: (file.label != level, file))
        chosen[key] = texts[0]
        surplus += texts[1:]
    for file in surplus:
        homes = [
            key
            for key in _neighbours(file.key)
            if key not in candidates and key not in chosen and _level_of(key, audio, usual_level) == file.label
        ]
        if len(homes) == 1 and file.label != chosen[file.key].label:
            chosen[homes[0]] = file
            findings.append(Finding("renumbered", file.path, f"read as {homes[0].id}"))
        else:
            findings.append(Finding("duplicate_text", file.path, f"{chosen[file.key].path} is read"))
    return chosen


def _usual_levels(files: Iterable[CorpusFile]) -> dict[str, str]:
    """The most frequent level in the names of each speaker's texts."""
    labels: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for file in files:
        labels[file.key.speaker][file.label] += 1
    return {speaker: min(counts, key=lambda label: (-counts[label], label)) for speaker, counts in labels.items()}


def _level_of(key: AnswerKey, audio: dict[AnswerKey, CorpusFile], usual_level: dict[str, str]) -> str | None:
    if audio:  # a neighbour who never recorded this answer cannot be the one who gave it
        return audio[key].label if key in audio else None
    return usual_level.get(key.speaker)


def _neighbours(key: AnswerKey) -> list[AnswerKey]:
    numbers = (int(key.number) - 1, int(key.number) + 1)
    return [AnswerKey(key.region, f"{number:03}", key.task) for number in numbers if 0 <= number <= 999]


def _settle_level(
    key: AnswerKey, text: CorpusFile | None, audio: CorpusFile | None, level_from: str, findings: list[Finding]
) -> str | None:
    if text is None or audio is None:
        return next(file.label for file in (text, audio) if file is not None)
    if text.label == audio.label:
        return text.label
    findings.append(Finding("level_conflict", key.id, f"text {text.label}, audio {audio.label}"))
    return {"audio": audio.label, "text": text.label, "drop": None}[level_from]


def _read_texts(
    files: dict[AnswerKey, CorpusFile], cleaning: TextCleaning, min_words: int, report: QualityReport
) -> dict[AnswerKey, tuple[str, str]]:
    """(raw, cleaned) text of each file that can be opened and decoded."""
    contents = {}
    for key, file in files.items():
        try:
            with open(file.full_path, "rb") as stream:
                content = stream.read()
        except OSError as error:
            report.findings.append(Finding("unreadable", file.path, error.strerror or type(error).__name__))
            continue
        decoded = decode(content)
        if decoded is None:
            report.findings.append(Finding("not_text", file.path))
            continue
        raw_text, encoding = decoded
        text = cleaning(raw_text)
        num_words = len(text.split())
        if encoding == "cp1252":
            report.findings.append(Finding("cp1252", file.path))
        if num_words < min_words:
            kind = "very_short" if text else "empty"
            report.findings.append(Finding(kind, file.path, f"{num_words} words"))
        report.text_features.update(features(content, raw_text))
        contents[key] = (raw_text, text)
    report.num_texts = len(contents)
    return contents


def _several_levels(answers: list[Answer]) -> list[Finding]:
    labels: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for answer in answers:
        labels[answer.speaker][answer.label] += 1
    return [
        Finding("several_levels", speaker, ", ".join(f"{label} {count}" for label, count in sorted(counts.items())))
        for speaker, counts in labels.items()
        if len(counts) > 1
    ]


def _same_texts(answers: list[Answer]) -> list[Finding]:
    """Answers with the words of another; each group of equal texts is named by its first answer."""
    same = defaultdict(list)
    for answer in answers:
        if answer.text:
            same[answer.text.casefold()].append(answer)
    findings = []
    for group in same.values():
        if len(group) > 1:
            is_one_speaker = len({answer.speaker for answer in group}) == 1
            kind = "same_text_of_one_speaker" if is_one_speaker else "same_text_of_two_speakers"
            findings.append(Finding(kind, group[0].id, f"as {', '.join(answer.id for answer in group[1:])}"))
    return findings
