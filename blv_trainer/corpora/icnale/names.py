"""What the ICNALE Spoken Monologue calls things: regions, tasks, levels, file names; and its published counts."""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any

REGIONS = ("CHN", "ENS", "HKG", "IDN", "JPN", "KOR", "PAK", "PHL", "SIN", "THA", "TWN")
NATIVE_REGION = "ENS"  # native speakers
TOPICS = ("PTJ", "SMK")  # part-time jobs are important for students; smoking should be banned at all restaurants
TASKS = ("PTJ1", "PTJ2", "SMK1", "SMK2")  # topic and trial

LABELS = ("A2", "B1_1", "B1_2", "B2", "native")  # from low to high; a class is the index
LABEL_OF_CODE = {"A2_0": "A2", "B1_1": "B1_1", "B1_2": "B1_2", "B2_0": "B2"} | {f"XX_{i}": "native" for i in range(4)}
CODE_OF_LABEL = {"A2": "A2_0", "B1_1": "B1_1", "B1_2": "B1_2", "B2": "B2_0", "native": "XX_1"}

# Speakers of each region in release 2.1; four answers each.
PUBLISHED_SPEAKERS = dict(zip(REGIONS, (150, 150, 50, 100, 150, 100, 100, 100, 50, 50, 100), strict=True))
# Answers of each label in release 2.1 by the level in the audio name and in the text name, and in the set that
# Lo et al. 2024 and Tsai et al. 2025 report on.
AUDIO_NAME_COUNTS = dict(zip(LABELS, (400, 880, 1868, 652, 600), strict=True))
TEXT_NAME_COUNTS = dict(zip(LABELS, (400, 884, 1876, 640, 600), strict=True))
PUBLISHED_SET_COUNTS = dict(zip(LABELS, (332, 880, 1868, 652, 600), strict=True))

_NAME = re.compile(
    rf"SM_(?P<region>{'|'.join(REGIONS)})_(?P<task>{'|'.join(TASKS)})_(?P<number>\d{{3}})_"
    rf"(?P<code>{'|'.join(LABEL_OF_CODE)})",
    re.ASCII | re.IGNORECASE,
)
_ID = re.compile(r"(SM_[A-Z]{3}_[A-Z]{3}\d_\d{3})(_[A-Z0-9]{2}_\d)?(\.\w+)?", re.ASCII | re.IGNORECASE)


@dataclass(frozen=True, order=True)
class AnswerKey:
    """What names an answer, whatever level the name of a file gives it."""

    region: str  # one of REGIONS; ENS for native speakers
    number: str  # three digits, unique only together with the region
    task: str  # one of TASKS: topic and trial

    @property
    def id(self) -> str:
        """Name without the level, so that it stays the same whatever rule decides the level."""
        return f"SM_{self.region}_{self.task}_{self.number}"

    @property
    def speaker(self) -> str:
        """Region and number."""
        return f"{self.region}_{self.number}"

    @property
    def topic(self) -> str:
        """One of TOPICS."""
        return self.task[:3]


@dataclass(frozen=True)
class Transcript:
    """What Whisper heard in one recording; ``duration_s`` is None where that is not known."""

    text: str
    duration_s: float | None = None  # seconds


@dataclass(frozen=True)
class Answer(AnswerKey):
    """One spoken answer, the row that every stage of the corpus hands on."""

    label: str  # one of LABELS
    text: str | None  # cleaned; None where there is audio and no text
    audio: str | None = None  # path of the recording
    raw_text: str | None = None  # as the file has it, decoded and nothing else
    heard: Transcript | None = None  # by Whisper, where its transcripts are asked for


def levels_of_speakers(pairs: Iterable[tuple[str, str]]) -> dict[str, Counter[str]]:
    """How often each label stands beside each speaker, of pairs (speaker, label)."""
    counts: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for speaker, label in pairs:
        counts[speaker][label] += 1
    return counts


def parse_stem(stem: str) -> tuple[AnswerKey, str] | None:
    """Key and label in a file's stem; None where it is no name of the module, or ENS goes with a learner's level."""
    match = _NAME.fullmatch(stem)
    if match is None:
        return None
    key = AnswerKey(match["region"].upper(), match["number"], match["task"].upper())
    label = LABEL_OF_CODE[match["code"].upper()]
    return (key, label) if (label == "native") == (key.region == NATIVE_REGION) else None


def is_about_icnale(names: Iterable[str], ids: Iterable[Any]) -> bool:
    """Whether data are ICNALE's: a name of theirs says so, or the ids of all rows are made as the corpus makes them.

    Examples:
        >>> is_about_icnale(["data/icnale.csv"], []), is_about_icnale(["icnale/a.csv"], ["e1", "SM_JPN_SMK1_061"])
        (True, False)
    """
    if any("icnale" in PurePath(name).name.lower() for name in names):
        return True
    rows = [str(value) for value in ids]
    return bool(rows) and all(normalize_id(f"{value}.txt") == value for value in rows)


def normalize_id(name: str) -> str:
    """The id of an answer that an id, a file's stem or a file name means.

    Args:
        name: Such as ``SM_JPN_SMK1_061_B1_1.mp3``.

    Returns:
        The id; what names no answer comes back unchanged.

    Examples:
        >>> normalize_id("SM_JPN_SMK1_061_B1_1.mp3")
        'SM_JPN_SMK1_061'
    """
    match = _ID.fullmatch(name)
    return match[1].upper() if match else name
