"""``load_dataset("icnale_asa", ...)``: columns, options, splits, cache."""

import hashlib
import json
import os
import shutil
import warnings
from collections import Counter

import datasets
import pytest
from planting import plant, write_background, write_sounds

import blv_trainer  # noqa: F401  registers the builder
from blv_trainer.corpora import k_folds
from blv_trainer.corpora.icnale import IcnaleConfig
from blv_trainer.corpora.icnale.background import BACKGROUND_COLUMNS
from blv_trainer.corpora.icnale.names import LABELS
from blv_trainer.corpora.synthetic import write_corpus

COLUMNS = ["id", "text", "label", "region", "speaker", "task", "topic", "trial", "audio", "duration_s"]


@pytest.fixture(autouse=True)
def _quiet():
    datasets.disable_progress_bars()


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """A planted corpus with audio names."""
    return plant(tmp_path_factory.mktemp("corpus") / "c", 120, seed=3, has_audio=True)


@pytest.fixture
def load(written, tmp_path):
    def load(data_dir=written.folder, **options):
        return datasets.load_dataset("icnale_asa", data_dir=str(data_dir), cache_dir=str(tmp_path / "cache"), **options)

    return load


def rows_of(dataset):
    return [row for split in dataset.values() for row in split]


def test_columns_and_rows_are_those_of_the_corpus(load, written):
    dataset = load()
    assert list(dataset) == ["train", "validation", "test"]
    assert dataset["train"].column_names == COLUMNS
    assert dataset["train"].features["label"].names == list(LABELS)
    expected = {a.id: (a.text, LABELS.index(a.label), a.region, a.task) for a in written.answers if a.text is not None}
    rows = rows_of(dataset)
    assert {row["id"]: (row["text"], row["label"], row["region"], row["task"]) for row in rows} == expected
    assert len(rows) == len(expected)
    row = rows[0]
    assert row["id"] == f"SM_{row['region']}_{row['task']}_{row['speaker'][4:]}"
    assert row["task"] == f"{row['topic']}{row['trial']}"
    paths = [row["audio"] for row in rows]
    assert all(path is None or os.path.isfile(path) for path in paths)
    assert 0 < paths.count(None) < 5


def test_no_speaker_stands_in_two_splits_and_the_splits_are_these_on_every_machine(load):
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        dataset = load()
    of_split = [set(split["speaker"]) for split in dataset.values()]
    assert sum(map(len, of_split)) == len(set.union(*of_split))
    ids = "".join(id_ for split in dataset.values() for id_ in split["id"])
    assert hashlib.sha256(ids.encode()).hexdigest()[:12] == "dea07f60a10c"


def test_split_by_sample_warns_with_the_number_of_leaking_speakers_also_from_the_cache(load):
    for _ in range(2):
        with pytest.warns(UserWarning, match=r"^\d+ of the \d+ test speakers also stand in train"):
            dataset = load(split_by="sample")
    in_test, in_train = set(dataset["test"]["speaker"]), set(dataset["train"]["speaker"])
    with pytest.warns(UserWarning, match=f"^{len(in_test & in_train)} of the {len(in_test)} test speakers"):
        load(split_by="sample", streaming=True)


def test_folds_are_splits_that_can_be_added(load):
    dataset = load(split_by="kfold", folds=3)
    assert list(dataset) == ["fold_0", "fold_1", "fold_2"]
    train = load(split_by="kfold", folds=3, split="fold_0+fold_2")
    assert len(train) == len(dataset["fold_0"]) + len(dataset["fold_2"])
    assert not set(train["speaker"]) & set(dataset["fold_1"]["speaker"])


@pytest.mark.parametrize(("split_by", "column"), [("speaker", "speaker"), ("sample", "id")])
def test_each_fold_in_turn_is_the_test_split_and_the_others_are_train(load, split_by, column):
    whole = {row["id"]: row for row in rows_of(load())}
    options = {"split_by": split_by, "num_folds": 3, "split_seed": 5}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore" if split_by == "sample" else "error", UserWarning)
        rounds = [load(fold=fold, **options) for fold in range(3)]
    for dataset in rounds:
        assert list(dataset) == ["train", "test"]
        assert not set(dataset["train"][column]) & set(dataset["test"][column])
        assert sorted([*dataset["train"]["id"], *dataset["test"]["id"]]) == sorted(whole)
    tested = [id_ for dataset in rounds for id_ in dataset["test"]["id"]]
    assert sorted(tested) == sorted(whole)  # every row once
    columns = zip(*((row["label"], row[column], row["region"]) for row in whole.values()), strict=True)
    labels, groups, regions = map(list, columns)
    folds = k_folds(labels, groups, num_folds=3, strata=regions, seed=5)
    for fold, dataset in enumerate(rounds):
        own = {id_ for id_, number in zip(whole, folds, strict=True) if number == fold}
        assert set(dataset["test"]["id"]) == own


def test_split_file_decides_and_what_it_lacks_is_said(load, written, tmp_path, caplog):
    ids = [answer.id for answer in written.answers if answer.text is not None]
    assignment = {f"{id_}_B1_1.txt": "dev" for id_ in ids[:10]} | dict.fromkeys(ids[10:30], "train") | {"SM_X": "test"}
    rows = [("id", "split"), *assignment.items()]
    (tmp_path / "split.tsv").write_text("".join(f"{id_}\t{name}\n" for id_, name in rows))
    dataset = load(split_file=str(tmp_path / "split.tsv"))
    assert {name: split["id"][:] for name, split in dataset.items()} == {"train": ids[10:30], "dev": ids[:10]}
    assert f"lacks {len(ids) - 30} of {len(ids)} answers" in caplog.text
    assert "names 1 answers that are not in the dataset" in caplog.text
    (tmp_path / "split.tsv").write_text("id\tsplit\nx\ttrain\n")
    with pytest.raises(ValueError, match=r"has none of the \d+ answers; its ids must look like SM_CHN_PTJ1_001"):
        load(split_file=str(tmp_path / "split.tsv"))


def test_learners_topics_and_regions_are_chosen(load):
    dataset = load(natives=False, topics="PTJ", regions=["JPN", "KOR", "ENS"])
    rows = rows_of(dataset)
    assert {row["region"] for row in rows} == {"JPN", "KOR"}
    assert {row["task"] for row in rows} == {"PTJ1", "PTJ2"}
    assert dataset["train"].features["label"].names == ["A2", "B1_1", "B1_2", "B2"]


def test_four_levels_merge_b1(load):
    five, four = Counter(r["label"] for r in rows_of(load())), Counter(r["label"] for r in rows_of(load(levels=4)))
    assert load(levels=4)["train"].features["label"].names == ["A2", "B1", "B2", "native"]
    assert [four[label] for label in range(4)] == [five[0], five[1] + five[2], five[3], five[4]]


def test_raw_text_and_cleaning_options(load):
    rows = rows_of(load(raw_text=True, keep_fillers=False, keep_breaks=False))
    assert any("\r\n" in row["text_raw"] for row in rows)
    assert not any(" uh " in row["text"] or "\u2013 " in row["text"] for row in rows)


def test_background_columns_join_by_speaker(load, written, tmp_path):
    levels = {answer.speaker: answer.label for answer in written.answers}
    unknown = {levels.popitem()[0]}
    write_background(tmp_path / "b.xlsx", levels)
    rows = rows_of(load(background=str(tmp_path / "b.xlsx")))
    assert set(rows[0]) == {*COLUMNS, *BACKGROUND_COLUMNS}
    for row in rows:
        assert row["country"] == (None if row["speaker"] in unknown else row["region"])


@pytest.fixture
def transcripts(written, tmp_path):
    """Whisper's transcripts of every recording."""
    path = tmp_path / "whisper.jsonl"
    rows = [{"id": a.id, "text": f"whisper {a.id}", "duration_s": 60.0} for a in written.answers]
    path.write_text("\n".join(map(json.dumps, rows)))
    return path


def test_whisper_transcripts_take_the_place_of_texts(load, written, transcripts):
    rows = rows_of(load(transcripts="whisper", whisper_transcripts=str(transcripts)))
    without_audio = {finding.subject for finding in written.planted if finding.kind == "text_without_audio"}
    assert {row["id"] for row in rows} == {answer.id for answer in written.answers} - without_audio
    assert all(row["text"] == f"whisper {row['id']}" and row["duration_s"] == 60.0 for row in rows)


def test_recordings_alone_do_for_whisper(load, tmp_path):
    folder = write_corpus(tmp_path / "c", 10, has_audio=True).folder / "ICNALE_SM_Audio"
    rows = [{"id": path.stem, "text": f"whisper {path.stem}"} for path in folder.rglob("*.mp3")]
    (tmp_path / "w.jsonl").write_text("\n".join(map(json.dumps, rows)))
    dataset = load(folder, transcripts="whisper", whisper_transcripts=str(tmp_path / "w.jsonl"))
    assert {row["text"] for row in rows_of(dataset)} == {row["text"] for row in rows}
    with pytest.raises(FileNotFoundError, match="only 40 recordings; unpack the texts, too"):
        load(folder, transcripts="both", whisper_transcripts=str(tmp_path / "w.jsonl"))


def test_store_that_lacks_recordings_gets_a_sentence_unless_allowed(load, transcripts, caplog):
    lines = transcripts.read_text().splitlines()
    transcripts.write_text("\n".join(lines[5:]))
    with pytest.raises(
        ValueError, match=r"lacks 5 of \d+ recordings, for example SM_CHN_PTJ1_001.*blv-trainer transcribe"
    ):
        load(transcripts="whisper", whisper_transcripts=str(transcripts))
    dataset = load(transcripts="whisper", whisper_transcripts=str(transcripts), allow_missing=True)
    assert "They are left out" in caplog.text
    assert sum(len(split) for split in dataset.values()) > 400


def test_durations_come_from_the_files_where_asked(tmp_path):
    folder = write_corpus(tmp_path / "c", 5, has_audio=True).folder
    write_sounds(folder)
    next(folder.rglob("SM_CHN_PTJ1_001_B1_2.wav")).write_bytes(b"no sound")
    options = {"data_dir": str(folder), "cache_dir": str(tmp_path / "cache")}
    known = {
        row["id"]: row["duration_s"] for row in rows_of(datasets.load_dataset("icnale_asa", durations=True, **options))
    }
    assert known.pop("SM_CHN_PTJ1_001") is None
    assert set(known.values()) == {0.25}
    assert {row["duration_s"] for row in rows_of(datasets.load_dataset("icnale_asa", **options))} == {None}


def test_streaming_slices_processes_and_saving_work(load, tmp_path):
    whole = load()
    streamed = load(streaming=True)
    assert list(streamed["train"]) == list(whole["train"])
    assert len(load(split="train[:10%]")) == round(len(whole["train"]) / 10)
    parallel = load(num_proc=2, split_seed=7)
    assert rows_of(parallel) == rows_of(load(split_seed=7, streaming=True))
    whole.save_to_disk(tmp_path / "saved")
    assert rows_of(datasets.load_from_disk(tmp_path / "saved")) == rows_of(whole)


# The cache


def config_id(folder, **options):
    return IcnaleConfig(name="default", data_dir=str(folder), **options).create_config_id({})


def test_only_a_changed_folder_is_built_again(load, tmp_path):
    folder = write_corpus(tmp_path / "c", 10).folder
    built = [load(folder)["train"].cache_files[0]["filename"] for _ in range(2)]
    next(folder.rglob("SM_0*/*.txt")).write_text("Something else.")
    built.append(load(folder)["train"].cache_files[0]["filename"])
    assert built[0] == built[1] != built[2]


@pytest.mark.parametrize("change", ["kept_times", "new", "gone", "renamed", "audio_renamed", "moved"])
def test_a_changed_folder_has_another_name_in_the_cache(tmp_path, change):
    folder = write_corpus(tmp_path / "c", 10, has_audio=True).folder
    first = config_id(folder)
    path = next(folder.rglob("SM_0*/*_B1_2.txt"))
    if change == "kept_times":
        status, content = os.stat(path), path.read_bytes()
        path.write_bytes(content[:-1] + b"!")
        os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    elif change == "new":
        path.with_name("SM_THA_PTJ1_099_B2_0.txt").write_text("I am new.")
    elif change == "gone":
        shutil.rmtree(folder / "ICNALE_SM_2.1" / "SM_1_Classified_Unmerged")
        path.unlink()
    elif change == "moved":
        folder = folder.rename(tmp_path / "d")
    else:
        path = path if change == "renamed" else next(folder.rglob("*_B1_2.mp3"))
        path.rename(path.with_name(path.name.replace("B1_2", "B2_0")))
    assert config_id(folder) != first


def test_every_option_and_store_has_a_name_of_its_own_in_the_cache(written, transcripts):
    whisper = {"transcripts": "whisper", "whisper_transcripts": str(transcripts)}
    options = [
        *({}, {"level_from": "text"}, {"levels": 4}, {"natives": False}, {"topics": ["PTJ"]}, {"regions": ["JPN"]}),
        *({"keep_masks": False}, {"raw_text": True}, {"split_seed": 1}, whisper),
        *({"num_folds": 3, "fold": 0}, {"num_folds": 3, "fold": 1}, {"num_folds": 4, "fold": 0}),
    ]
    ids = [config_id(written.folder, **option) for option in options]
    transcripts.write_text(transcripts.read_text().replace("whisper SM", "WHISPER SM"))
    ids.append(config_id(written.folder, **whisper))
    assert len(set(ids)) == len(options) + 1


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"level_from": "folder"}, "level_from='folder' is unknown. Choose from: audio, text, drop"),
        ({"transcripts": "machine"}, "transcripts='machine' is unknown. Choose from: human, whisper, both"),
        ({"split_by": "region"}, "split_by='region' is unknown. Choose from: speaker, sample, kfold"),
        ({"levels": 6}, "levels=6 is unknown. Choose from: 5, 4"),
        ({"topics": ["part-time job"]}, "topics='part-time job' is unknown. Choose from: PTJ, SMK"),
        ({"regions": "Japan"}, "regions='Japan' is unknown. Choose from: CHN, ENS"),
        (
            {"transcripts": "whisper"},
            "needs whisper_transcripts=FILE.*Or whisper_model=NAME",
        ),
        ({"whisper_model": "tiny"}, "whisper_model='tiny' has nothing to do with transcripts='human'"),
        (
            {"transcripts": "both", "whisper_model": "tiny", "whisper_transcripts": "w.parquet"},
            "whisper_transcripts='w.parquet' is a finished file",
        ),
        ({"regions": "ENS", "natives": False}, "has no answer with a text that natives=False"),
        ({"split_by": "kfold", "folds": 1}, "num_folds=1 is not possible"),
        ({"num_folds": 5}, "num_folds=5 and fold=None go together: give both, as in num_folds=5, fold=0, or neither"),
        ({"fold": 0}, "num_folds=None and fold=0 go together"),
        ({"num_folds": 5, "fold": 5}, "num_folds=5 and fold=5: choose a fold from 0 to 4"),
        ({"num_folds": 5, "fold": -1}, "num_folds=5 and fold=-1: choose a fold from 0 to 4"),
        ({"num_folds": 1, "fold": 0}, "num_folds=1 is not possible: choose from 2 to the number of groups, 120"),
        ({"num_folds": 5, "fold": 0, "split_by": "kfold"}, "cannot go with split_by='kfold'"),
        ({"num_folds": 5, "fold": 0, "split_file": "s.tsv"}, "cannot go with split_file='s.tsv'"),
    ],
)
def test_bad_options_get_a_sentence(load, options, message):
    with pytest.raises(ValueError, match=message):
        load(**options)
    with pytest.raises(ValueError, match=r'load_dataset\("icnale_asa"\) needs data_dir=FOLDER'):
        datasets.load_dataset("icnale_asa")
