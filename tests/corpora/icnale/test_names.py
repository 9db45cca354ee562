import re
from itertools import product

import pytest

from blv_trainer.corpora.icnale.names import (
    AUDIO_NAME_COUNTS,
    CODE_OF_LABEL,
    LABELS,
    PUBLISHED_SET_COUNTS,
    PUBLISHED_SPEAKERS,
    REGIONS,
    TASKS,
    TEXT_NAME_COUNTS,
    normalize_id,
    parse_stem,
)

# The pattern that all 4,400 text and all 4,400 audio names of release 2.1 match.
RELEASE_2_1 = re.compile(
    r"^SM_(CHN|ENS|HKG|IDN|JPN|KOR|PAK|PHL|SIN|THA|TWN)_(PTJ1|PTJ2|SMK1|SMK2)_(\d{3})_(A2_0|B1_1|B1_2|B2_0|XX_[123])$"
)


@pytest.mark.parametrize("region", REGIONS)
def test_every_name_of_release_2_1_is_read(region):
    codes = ("XX_1", "XX_2", "XX_3") if region == "ENS" else ("A2_0", "B1_1", "B1_2", "B2_0")
    for task, number, code in product(TASKS, ("001", "150", "999"), codes):
        stem = f"SM_{region}_{task}_{number}_{code}"
        assert RELEASE_2_1.match(stem)
        key, label = parse_stem(stem)
        assert parse_stem(stem.lower()) == (key, label)
        assert (key.region, key.task, key.number) == (region, task, number)
        assert label == {"A2_0": "A2", "B2_0": "B2"}.get(code, "native" if code[0] == "X" else code)
        assert CODE_OF_LABEL[label] == (code if label != "native" else "XX_1")


@pytest.mark.parametrize(
    "stem",
    [
        "SM_JPN_PTJ1_001_XX_1",  # a native of Japan
        "SM_ENS_PTJ1_001_B2_0",  # a learner among natives
        "SM_JPN_PTJ3_001_B1_1",
        "SM_JPN_PTJ1_01_B1_1",
        "SM_JPN_PTJ1_0001_B1_1",
        "SM_JPN_PTJ1_001_B1_3",
        "SM_JPN_PTJ1_001_B1_1 ",
        "SM_JPN_PTJ1_\u0660\u0660\u0661_B1_1",  # digits, but not those of file names
        "\u017fM_JPN_PTJ1_061_B1_1",  # a letter whose upper case is S
        "WE_JPN_PTJ0_001_B1_1",
        "readme",
    ],
)
def test_other_names_are_refused(stem):
    assert parse_stem(stem) is None


def test_ids_stems_and_file_names_mean_the_same():
    names = ["SM_JPN_SMK1_061", "SM_JPN_SMK1_061_B1_1", "SM_JPN_SMK1_061_B1_1.txt", "sm_jpn_smk1_061.mp3"]
    assert {normalize_id(name) for name in names} == {"SM_JPN_SMK1_061"}
    assert normalize_id("something else") == "something else"


def test_published_counts_agree_with_each_other():
    assert sum(PUBLISHED_SPEAKERS.values()) == 1100
    for counts in (AUDIO_NAME_COUNTS, TEXT_NAME_COUNTS):
        assert list(counts) == list(LABELS)
        assert sum(counts.values()) == 4400
    assert sum(PUBLISHED_SET_COUNTS.values()) == 4332
    assert AUDIO_NAME_COUNTS["native"] == 4 * PUBLISHED_SPEAKERS["ENS"]
