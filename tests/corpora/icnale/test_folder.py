"""Reading a corpus: joined right, levels by rule, everything planted found and nothing invented."""

import tempfile
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from planting import plant, write_background

from blv_trainer.corpora.icnale import read_corpus
from blv_trainer.corpora.synthetic import write_corpus

LONG = "I agree with this statement because it is good for students to know how the world works outside of the school."


def put(folder, texts, audio=()):
    """Writes texts ``{stem: content}`` and empty recordings."""
    folder.mkdir(exist_ok=True)
    for number, (stem, content) in enumerate(texts.items()):
        content = f"{LONG} {number}" if content is None else content
        (folder / f"{stem}.txt").write_bytes(content if isinstance(content, bytes) else content.encode("utf-8-sig"))
    for stem in audio:
        (folder / f"{stem}.mp3").write_bytes(b"")
    return folder


def found(corpus):
    return [(finding.kind, finding.subject) for finding in corpus.report.findings]


@pytest.mark.parametrize("seed", range(6))
def test_everything_planted_is_found_and_nothing_invented(tmp_path, seed):
    layout, has_audio = ("2.1", "2.0", "flat")[seed % 3], seed < 3
    written = plant(tmp_path, 80 + seed, seed=seed, layout=layout, has_audio=has_audio)
    corpus = read_corpus(tmp_path)
    assert found(corpus) == [(finding.kind, finding.subject) for finding in written.planted]
    assert [(a.id, a.text, a.label) for a in corpus.answers] == [(a.id, a.text, a.label) for a in written.answers]


def test_background_sheet_is_compared_with_the_names(tmp_path):
    written = write_corpus(tmp_path / "c", 30)
    levels = {answer.speaker: answer.label for answer in written.answers}
    missing, other, *_ = sorted(levels)
    levels |= {other: "A2" if levels[other] != "A2" else "B2"}
    write_background(tmp_path / "c" / "b.xlsx", {name: level for name, level in levels.items() if name != missing})
    corpus = read_corpus(tmp_path / "c", background=tmp_path / "c" / "b.xlsx")
    assert found(corpus) == [("background_level", other), ("background_missing", missing)]
    assert corpus.background[other]["country"] == other[:3]


CONFLICT = {"SM_CHN_PTJ1_007_B1_2": None, "SM_CHN_PTJ2_007_B1_2": None}


@pytest.mark.parametrize(
    ("level_from", "labels"), [("audio", ["B2", "B1_2"]), ("text", ["B1_2"] * 2), ("drop", ["B1_2"])]
)
def test_rule_decides_the_level_and_the_conflict_is_reported_either_way(tmp_path, level_from, labels):
    put(tmp_path, CONFLICT, ["SM_CHN_PTJ1_007_B2_0", "SM_CHN_PTJ2_007_B1_2"])
    corpus = read_corpus(tmp_path, level_from=level_from)
    assert [answer.label for answer in corpus.answers] == labels
    conflict = corpus.report.of_kind("level_conflict")
    assert [(c.subject, c.detail) for c in conflict] == [("SM_CHN_PTJ1_007", "text B1_2, audio B2")]


def speakers(number, level, tasks=("PTJ1", "PTJ2", "SMK1", "SMK2")):
    return [f"SM_JPN_{task}_{number}_{level}" for task in tasks]


@pytest.mark.parametrize("with_audio", [True, False])
@pytest.mark.parametrize("neighbour", ["020", "022"])
def test_text_with_its_neighbours_number_is_given_back(tmp_path, with_audio, neighbour):
    own, other = speakers(neighbour, "B1_1"), speakers("021", "B2_0")
    names = [*(name for name in own if "SMK1" not in name), *other, "SM_JPN_SMK1_021_B1_1"]
    put(tmp_path, dict.fromkeys(names), own + other if with_audio else ())
    corpus = read_corpus(tmp_path)
    assert found(corpus) == [("renumbered", "SM_JPN_SMK1_021_B1_1.txt")]
    assert Counter(a.label for a in corpus.answers) == {"B1_1": 4, "B2": 4}
    given_back = next(a for a in corpus.answers if a.id == f"SM_JPN_SMK1_{neighbour}")
    assert given_back.label == "B1_1"
    assert given_back.text == (tmp_path / "SM_JPN_SMK1_021_B1_1.txt").read_text(encoding="utf-8-sig")


@pytest.mark.parametrize(
    "neighbours",
    [
        {"020": "B1_1", "022": "B1_1"},  # which of the two?
        {"020": "B1_2"},  # another level
        {"019": "B1_1"},  # no neighbour
        {},
    ],
)
def test_second_text_without_one_clear_owner_is_left_out_and_named(tmp_path, neighbours):
    names = [*speakers("021", "B2_0"), "SM_JPN_SMK1_021_B1_1"]
    for number, level in neighbours.items():
        names += speakers(number, level, ("PTJ1", "PTJ2", "SMK2"))
    put(tmp_path, dict.fromkeys(names))
    corpus = read_corpus(tmp_path)
    assert found(corpus) == [("duplicate_text", "SM_JPN_SMK1_021_B1_1.txt")]
    assert [a.label for a in corpus.answers if a.id == "SM_JPN_SMK1_021"] == ["B2"]


def test_of_two_texts_or_recordings_the_one_with_the_others_level_is_kept(tmp_path):
    put(tmp_path / "t", {"SM_JPN_PTJ1_001_A2_0": "wrong", "SM_JPN_PTJ1_001_B2_0": "right"}, ["SM_JPN_PTJ1_001_B2_0"])
    assert [(a.text, a.label) for a in read_corpus(tmp_path / "t").answers] == [("right", "B2")]
    put(tmp_path / "r", {"SM_JPN_PTJ1_001_B2_0": None}, ["SM_JPN_PTJ1_001_A2_0", "SM_JPN_PTJ1_001_B2_0"])
    tmp_path /= "r"
    corpus = read_corpus(tmp_path)
    assert Path(corpus.answers[0].audio).name == "SM_JPN_PTJ1_001_B2_0.mp3"
    assert found(corpus) == [("duplicate_audio", "SM_JPN_PTJ1_001_A2_0.mp3")]


def test_corpus_without_recordings_takes_levels_from_texts_and_does_not_complain(tmp_path):
    put(tmp_path, CONFLICT)
    corpus = read_corpus(tmp_path)
    assert [answer.label for answer in corpus.answers] == ["B1_2", "B1_2"]
    assert corpus.report.findings == []


def test_raw_text_is_kept_beside_the_cleaned_one(tmp_path):
    put(tmp_path, {"SM_JPN_PTJ1_001_B2_0": "\nUh I\r\nagree..."})
    (answer,) = read_corpus(tmp_path, keep_fillers=False, keep_trailing=False).answers
    assert (answer.raw_text, answer.text) == ("\nUh I\r\nagree...", "I agree")


def test_short_texts_are_named_by_their_words(tmp_path):
    texts = {"PTJ1": "word " * 19, "PTJ2": "", "SMK1": "word " * 20}
    put(tmp_path, {f"SM_JPN_{task}_001_B2_0": text for task, text in texts.items()})
    corpus = read_corpus(tmp_path)
    assert found(corpus) == [("empty", "SM_JPN_PTJ2_001_B2_0.txt"), ("very_short", "SM_JPN_PTJ1_001_B2_0.txt")]
    assert len(corpus.answers) == 3


def test_three_equal_texts_are_one_finding_that_names_all(tmp_path):
    names = ["SM_JPN_PTJ1_001_B2_0", "SM_JPN_PTJ2_001_B2_0", "SM_KOR_PTJ1_001_B2_0"]
    put(tmp_path, {names[0]: LONG, names[1]: f"\n{LONG}", names[2]: LONG.upper()})
    (finding,) = read_corpus(tmp_path).report.findings
    assert (finding.kind, finding.subject) == ("same_text_of_two_speakers", "SM_JPN_PTJ1_001")
    assert finding.detail == "as SM_JPN_PTJ2_001, SM_KOR_PTJ1_001"


def stems_of_few_speakers():
    return st.builds(
        "SM_{}_{}_{:03}_{}".format,
        st.sampled_from(["JPN", "ENS"]),
        st.sampled_from(["PTJ1", "SMK2"]),
        st.integers(1, 4),
        st.sampled_from(["A2_0", "B1_1", "XX_1"]),
    )


PATHS = st.builds(
    "{}/{}{}".format,
    st.sampled_from(["SM_0_Unmerged", "SM_0_Unmerged/deep", "SM_2_Merged", "SM_3_Tagged", "__MACOSX"]),
    st.one_of(stems_of_few_speakers(), st.sampled_from(["WE_JPN_PTJ0_001_A2_0", "readme", "a (1)", "._b", "c"])),
    st.sampled_from([".txt", ".txt", ".mp3", ".wav", ".pdf"]),
)


@given(st.sets(PATHS, max_size=40), st.sampled_from(["audio", "text", "drop"]))
@settings(max_examples=150, deadline=None)
def test_whatever_stands_in_a_folder_every_file_is_read_or_named(paths, level_from):
    paths = paths | {"SM_0_Unmerged/SM_JPN_PTJ1_009_A2_0.txt"}
    with tempfile.TemporaryDirectory() as folder:
        for path in paths:
            (Path(folder) / path).parent.mkdir(parents=True, exist_ok=True)
            (Path(folder) / path).write_text(path + " word" * 20)  # every text begins with its own path
        corpus = read_corpus(folder, level_from=level_from)
    answers, report = corpus.answers, corpus.report
    assert len({answer.id for answer in answers}) == len(answers)
    audio = {answer.audio.removeprefix(f"{folder}/") for answer in answers if answer.audio}
    read = {(answer.raw_text or "").partition(" word")[0] for answer in answers}
    accounted = audio | read | {finding.subject for finding in report.findings}
    for path in paths - accounted:
        is_in_other_tree = path.split("/")[0] in report.trees_not_read and path.endswith(".txt")
        is_dropped = level_from == "drop" and Path(path).stem[:15] in accounted
        assert is_in_other_tree or is_dropped or path.startswith("__MACOSX/")
