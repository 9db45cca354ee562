"""What the ICNALE Spoken Monologue calls things: regions, tasks, levels, file names; and its published counts."""

import re
from dataclasses import dataclass

# Speakers of each region in release 2.1; four answers each. ENS: native speakers.
PUBLISHED_SPEAKERS = {
    "CHN": 150, "ENS": 150, "HKG": 50, "IDN": 100, "JPN": 150, "KOR": 100,
    "PAK": 100, "PHL": 100, "SIN": 50, "THA": 50, "TWN": 100,
}  # fmt: skip
REGIONS = tuple(PUBLISHED_SPEAKERS)
NATIVE_REGION = "ENS"
TOPICS = {
    "PTJ": "It is important for college students to have a part-time job.",
    "SMK": "Smoking should be completely banned at all the restaurants in the country.",
}
TASKS = ("PTJ1", "PTJ2", "SMK1", "SMK2")  # topic and trial

LABELS = ("A2", "B1_1", "B1_2", "B2", "native")  # from low to high; a class is the index
LABEL_OF_CODE = {"A2_0": "A2", "B1_1": "B1_1", "B1_2": "B1_2", "B2_0": "B2"} | {f"XX_{i}": "native" for i in range(4)}
CODE_OF_LABEL = {"A2": "A2_0", "B1_1": "B1_1", "B1_2": "B1_2", "B2": "B2_0", "native": "XX_1"}

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
_OTHER_MODULE = re.compile(r"(?!SM_)[A-Z]{1,4}_[A-Z]{3}_[A-Z0-9]+_\d{3}_\w+|\w+_(ORIG|EDIT)", re.IGNORECASE)
_ID = re.compile(r"(SM_[A-Z]{3}_[A-Z]{3}\d_\d{3})(_[A-Z0-9]{2}_\d)?(\.\w+)?", re.ASCII | re.IGNORECASE)


@dataclass(frozen=True, order=True)
class AnswerKey:
    """What names an answer, whatever level a file name gives it.

    Args:
        region: One of ``REGIONS``.
        number: Speaker number, three digits, unique only together with the region.
        task: One of ``TASKS``.
    """

    region: str
    number: str
    task: str

    @property
    def id(self) -> str:
        """Name without the level, so that it stays the same whatever rule decides the level."""
        return f"SM_{self.region}_{self.task}_{self.number}"

    @property
    def speaker(self) -> str:
        """Region and number."""
        return f"{self.region}_{self.number}"

    def stem(self, code: str) -> str:
        """File name without its extension.

        Examples:
            >>> AnswerKey("JPN", "061", "SMK1").stem("B1_1")
            'SM_JPN_SMK1_061_B1_1'
        """
        return f"{self.id}_{code}"


def parse_stem(stem: str) -> tuple[AnswerKey, str] | None:
    """Reads a file's stem; None where it is no name of the module, or names a native of Japan or a learner of ENS.

    Returns:
        The answer's key and its label.

    Examples:
        >>> parse_stem("SM_ENS_PTJ1_001_XX_2")
        (AnswerKey(region='ENS', number='001', task='PTJ1'), 'native')
        >>> parse_stem("WE_CHN_PTJ0_001_B1_1") is None
        True
    """
    match = _NAME.fullmatch(stem)
    if match is None:
        return None
    key = AnswerKey(match["region"].upper(), match["number"], match["task"].upper())
    label = LABEL_OF_CODE[match["code"].upper()]
    return (key, label) if (label == "native") == (key.region == NATIVE_REGION) else None


def is_other_module(stem: str) -> bool:
    """Whether a stem is that of another ICNALE module (written essays, edited essays, spoken dialogue).

    Examples:
        >>> is_other_module("WE_CHN_PTJ0_001_B1_1"), is_other_module("SM_CHN_PTJ1_001_B1_1"), is_other_module("readme")
        (True, False, False)
    """
    return _OTHER_MODULE.fullmatch(stem) is not None


def normalize_id(name: str) -> str:
    """The id meant by an id, a file's stem or a file name; anything else comes back unchanged.

    Examples:
        >>> normalize_id("SM_JPN_SMK1_061_B1_1.mp3")
        'SM_JPN_SMK1_061'
    """
    match = _ID.fullmatch(name)
    return match[1].upper() if match else name
