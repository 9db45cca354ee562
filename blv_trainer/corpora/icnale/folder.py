"""Reads a folder of the ICNALE Spoken Monologue: texts and recordings joined, levels settled, everything reported.

A join on equal file names would lose 17 of the 4,400 texts of release 2.1: names of text and recording may differ in
the level, and one text has its neighbour's number. Here the join is on region, task and number.
"""

import os
from collections import Counter, defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from blv_trainer.corpora.icnale.background import check_background, read_background
from blv_trainer.corpora.icnale.builder_config import IcnaleConfig
from blv_trainer.corpora.icnale.corpus_files import CorpusFile
from blv_trainer.corpora.icnale.names import Answer, AnswerKey, levels_of_speakers
from blv_trainer.corpora.icnale.quality_report import MIN_WORDS, Finding, QualityReport
from blv_trainer.corpora.icnale.text_cleaning import clean, decode, features


@dataclass
class Corpus:
    """What a folder holds."""

    answers: list[Answer]  # sorted by region, number and task; text is None where there is only a recording
    report: QualityReport  # what was met on the way
    background: dict[str, dict[str, str | None]]  # what the background sheet says of each speaker


def read_corpus(data_dir: str | os.PathLike, **options: Any) -> Corpus:
    """Reads all answers of a corpus folder of release 2.0 or 2.1, whichever way its zips were unpacked.

    Args:
        data_dir: Folder that holds texts, and recordings if there are any, at any depth.
        **options: Those of `IcnaleConfig` about files, levels and texts; others have no effect here.

    Returns:
        ``answers``, of which some may have only a recording; ``report``, with its ``findings``, ``summary()`` and
        ``to_text()``; ``background``, what the background sheet says of each speaker.

    Raises:
        FileNotFoundError: Where a folder is missing or empty, zips are still packed, there is no unmerged tree of
            texts, or no background sheet.
        ValueError: Where an option is not accepted, two trees each hold answers that the other lacks, all names are of
            another ICNALE module, or the background sheet cannot be read.
    """
    return read_folder(IcnaleConfig(data_dir=os.fspath(data_dir), **options))


def read_folder(config: IcnaleConfig) -> Corpus:
    """As `read_corpus`, by all the options of a builder."""
    found = config.find_files()
    findings = [*found.findings]
    audio = _one_recording_each(found.audio, found.texts, findings)
    texts = _one_text_each(found.texts, audio, findings)
    keeps = {name: value for name, value in vars(config).items() if name.startswith("keep_")}
    answers, text_features = [], Counter[str]()
    for key in sorted({*texts, *audio}):
        written, recording = texts.get(key), audio.get(key)
        labels = {kind: file.label for kind, file in (("text", written), ("audio", recording)) if file}
        label: str | None = next(iter(labels.values()))
        if len(set(labels.values())) > 1:
            findings.append(Finding("level_conflict", key.id, f"text {labels['text']}, audio {labels['audio']}"))
            label = labels.get(config.level_from)  # None to drop
        raw_text = text = None
        if written:
            content = Path(written.full_path).read_bytes()
            raw_text, is_utf8 = decode(content)
            text = clean(raw_text, **keeps)
            text_features.update(features(content, raw_text))
            if not is_utf8:
                findings.append(Finding("cp1252", written.path))
            if (num_words := len(text.split())) < MIN_WORDS:
                findings.append(Finding("very_short" if text else "empty", written.path, f"{num_words} words"))
            if audio and not recording:
                findings.append(Finding("text_without_audio", key.id))
        elif texts:
            findings.append(Finding("audio_without_text", key.id))
        if label is not None:
            path = recording.full_path if recording else None
            answers.append(Answer(key.region, key.number, key.task, label, text, path, raw_text))
    levels = levels_of_speakers((answer.speaker, answer.label) for answer in answers)
    for speaker, counts in levels.items():
        if len(counts) > 1:
            met = ", ".join(f"{label} {count}" for label, count in sorted(counts.items()))
            findings.append(Finding("several_levels", speaker, met))
    findings += _same_texts(answers)
    sheet = {}
    if config.background is not None:
        sheet, own_path = read_background(config.background), Path(config.background)
        findings += check_background(levels, sheet)
        findings = [finding for finding in findings if Path(config.folder, finding.subject) != own_path]
    report = QualityReport(
        data_dir=str(config.data_dir),
        text_tree=found.text_tree,
        trees_not_read=found.trees_not_read,
        num_texts=len(texts),
        num_audio=len(found.audio),
        findings=sorted(findings),
        text_features=text_features,
        counts=Counter((answer.region, answer.label) for answer in answers),
    )
    return Corpus(answers, report, sheet)


def _one_recording_each(
    files: list[CorpusFile], texts: list[CorpusFile], findings: list[Finding]
) -> dict[AnswerKey, CorpusFile]:
    """Of several recordings of an answer, the one whose level is the text's, else the first by name."""
    levels_in_texts = {(file.key, file.label) for file in texts}
    chosen = {}
    for key, recordings in _by_key(files).items():
        recordings.sort(key=lambda file: ((file.key, file.label) not in levels_in_texts, file))
        chosen[key] = recordings[0]
        findings += [Finding("duplicate_audio", f.path, f"{recordings[0].path} is read") for f in recordings[1:]]
    return chosen


def _one_text_each(
    files: list[CorpusFile], audio: dict[AnswerKey, CorpusFile], findings: list[Finding]
) -> dict[AnswerKey, CorpusFile]:
    """Of several texts of an answer, the one with its speaker's level; another may be the neighbour's."""
    candidates = _by_key(files)
    levels = levels_of_speakers((t[0].key.speaker, t[0].label) for t in candidates.values() if len(t) == 1)
    usual_level = {speaker: min(found, key=lambda label: (-found[label], label)) for speaker, found in levels.items()}

    def level_of(key: AnswerKey) -> str | None:
        return audio[key].label if key in audio else usual_level.get(key.speaker)

    chosen, surplus = {}, []
    for key, texts in candidates.items():
        texts.sort(key=lambda file: (file.label != level_of(file.key), file))
        chosen[key] = texts[0]
        surplus += texts[1:]
    for file in surplus:
        own = file.key
        neighbours = (AnswerKey(own.region, f"{int(own.number) + step:03}", own.task) for step in (-1, 1))
        homes = [
            key
            for key in neighbours
            # A neighbour who never recorded this answer cannot be the one who gave it.
            if key not in chosen and (key in audio or not audio) and level_of(key) == file.label
        ]
        if len(homes) == 1 and file.label != chosen[file.key].label:
            chosen[homes[0]] = file
            findings.append(Finding("renumbered", file.path, f"read as {homes[0].id}"))
        else:
            findings.append(Finding("duplicate_text", file.path, f"{chosen[file.key].path} is read"))
    return chosen


def _by_key(files: list[CorpusFile]) -> dict[AnswerKey, list[CorpusFile]]:
    grouped = defaultdict(list)
    for file in files:
        grouped[file.key].append(file)
    return grouped


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
