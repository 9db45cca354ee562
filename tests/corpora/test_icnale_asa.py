"""``load_dataset("icnale_asa", ...)``: columns, options, splits, cache."""

import json
import os
import shutil
import warnings
from collections import Counter, defaultdict

import datasets
import pytest

import blv_trainer  # noqa: F401  registers the builder
from blv_trainer.corpora.assignment import write_assignment
from blv_trainer.corpora.icnale.background import BACKGROUND_COLUMNS
from blv_trainer.corpora.icnale.names import LABELS
from blv_trainer.corpora.synthetic import write_corpus

COLUMNS = ["id", "text", "label", "region", "speaker", "task", "topic", "trial", "audio", "duration_s"]


@pytest.fixture(autouse=True)
def _quiet():
    datasets.disable_progress_bars()


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """A planted corpus with audio names and a background sheet."""
    return write_corpus(
        tmp_path_factory.mktemp("corpus") / "c", 120, seed=3, audio="names", background=True, irregularities=True
    )


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


def test_audio_is_a_path_that_exists_or_nothing(load):
    paths = [row["audio"] for row in rows_of(load())]
    assert all(path is None or os.path.isfile(path) for path in paths)
    assert 0 < paths.count(None) < 5


def test_no_speaker_stands_in_two_splits(load):
    splits_of = defaultdict(set)
    for name, split in load().items():
        for speaker in split["speaker"]:
            splits_of[speaker].add(name)
    assert all(len(names) == 1 for names in splits_of.values())


def test_split_by_sample_warns_with_the_number_of_leaking_speakers_also_from_the_cache(load):
    for _ in range(2):
        with pytest.warns(UserWarning, match=r"^\d+ of the \d+ test speakers also stand in train"):
            dataset = load(split_by="sample")
    in_test, in_train = set(dataset["test"]["speaker"]), set(dataset["train"]["speaker"])
    with pytest.warns(UserWarning, match=f"^{len(in_test & in_train)} of the {len(in_test)} test speakers"):
        load(split_by="sample", streaming=True)


def test_split_by_speaker_does_not_warn(load):
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        load()


def test_folds_are_splits_that_can_be_added(load):
    dataset = load(split_by="kfold", folds=3)
    assert list(dataset) == ["fold_0", "fold_1", "fold_2"]
    train = load(split_by="kfold", folds=3, split="fold_0+fold_2")
    assert len(train) == len(dataset["fold_0"]) + len(dataset["fold_2"])
    assert not set(train["speaker"]) & set(dataset["fold_1"]["speaker"])


def test_split_file_decides_and_what_it_lacks_is_said(load, written, tmp_path, caplog):
    ids = [answer.id for answer in written.answers if answer.text is not None]
    assignment = {f"{id_}_B1_1.txt": "dev" for id_ in ids[:10]} | dict.fromkeys(ids[10:30], "train") | {"SM_X": "test"}
    write_assignment(tmp_path / "split.tsv", assignment)
    dataset = load(split_file=str(tmp_path / "split.tsv"))
    assert {name: split["id"][:] for name, split in dataset.items()} == {"train": ids[10:30], "dev": ids[:10]}
    assert f"lacks {len(ids) - 30} of {len(ids)} answers" in caplog.text
    assert "names 1 answers that are not in the dataset" in caplog.text


def test_split_file_of_another_corpus_gets_a_sentence(load, tmp_path):
    write_assignment(tmp_path / "split.tsv", {"x": "train"})
    with pytest.raises(ValueError, match=r"has none of the \d+ answers; its ids must look like SM_CHN_PTJ1_001"):
        load(split_file=str(tmp_path / "split.tsv"))


def test_seed_changes_the_split(load):
    assert load()["test"]["id"][:] != load(split_seed=1)["test"]["id"][:]


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


def test_background_columns_join_by_speaker(load, written):
    rows = rows_of(load(background=str(written.folder / "ICNALE_SM_Background.xlsx")))
    assert set(rows[0]) == {*COLUMNS, *BACKGROUND_COLUMNS}
    unknown = {finding.subject for finding in written.planted if finding.kind == "background_missing"}
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
    folder = write_corpus(tmp_path / "c", 10, audio="names").folder / "ICNALE_SM_Audio"
    rows = [{"id": path.stem, "text": f"whisper {path.stem}"} for path in folder.rglob("*.mp3")]
    (tmp_path / "w.jsonl").write_text("\n".join(map(json.dumps, rows)))
    dataset = load(folder, transcripts="whisper", whisper_transcripts=str(tmp_path / "w.jsonl"))
    assert {row["text"] for row in rows_of(dataset)} == {row["text"] for row in rows}
    with pytest.raises(FileNotFoundError, match="only 40 recordings; unpack the texts, too"):
        load(folder, transcripts="both", whisper_transcripts=str(tmp_path / "w.jsonl"))


def test_both_gives_whispers_text_and_the_human_one(load, written, transcripts):
    rows = rows_of(load(transcripts="both", whisper_transcripts=str(transcripts)))
    human = {answer.id: answer.text for answer in written.answers}
    assert all(row["text_human"] == human[row["id"]] for row in rows)
    assert None in {row["text_human"] for row in rows}


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
    folder = write_corpus(tmp_path / "c", 5, layout="flat", audio="wav", duration_s=0.25).folder
    (folder / "SM_CHN_PTJ1_001_B1_2.wav").write_bytes(b"no sound")
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


def built(load, **options):
    """The cache files behind a dataset."""
    return load(**options)["train"].cache_files[0]["filename"]


def test_unchanged_folder_is_not_built_again(load, caplog):
    first = built(load)
    changed = os.stat(first).st_mtime_ns
    assert built(load) == first
    assert os.stat(first).st_mtime_ns == changed


@pytest.mark.parametrize("change", ["content", "kept_times", "new", "gone", "renamed", "audio_renamed"])
def test_changed_folder_is_built_again(tmp_path, change):
    written = write_corpus(tmp_path / "c", 10, audio="names")

    def load():
        return datasets.load_dataset("icnale_asa", data_dir=str(written.folder), cache_dir=str(tmp_path / "cache"))

    first = built(load)
    tree = written.folder / "ICNALE_SM_2.1" / "SM_0_Unclassified_Unmerged"
    path = next(tree.glob("*_B1_2.txt"))
    if change == "content":
        path.write_text("Something else.")
    elif change == "kept_times":
        status, content = os.stat(path), path.read_bytes()
        path.write_bytes(content[:-1] + b"!")
        os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    elif change == "new":
        (tree / "SM_THA_PTJ1_099_B2_0.txt").write_text("I am new.")
    elif change == "gone":
        shutil.rmtree(tree.parent / "SM_1_Classified_Unmerged")
        path.unlink()
    elif change == "renamed":
        path.rename(path.with_name(path.name.replace("B1_2", "B2_0")))
    else:
        audio = next((written.folder / "ICNALE_SM_Audio").rglob("*_B1_2.mp3"))
        audio.rename(audio.with_name(audio.name.replace("B1_2", "B2_0")))
    assert built(load) != first


def test_every_option_has_a_build_of_its_own(load, written, transcripts):
    options = [
        {},
        {"level_from": "text"},
        {"levels": 4},
        {"natives": False},
        {"topics": ["PTJ"]},
        {"topics": ["SMK"]},
        {"regions": ["JPN"]},
        {"keep_masks": False},
        {"raw_text": True},
        {"split_seed": 1},
        {"transcripts": "whisper", "whisper_transcripts": str(transcripts)},
    ]
    assert len({built(load, **option) for option in options}) == len(options)


def test_a_changed_store_is_read_again(load, transcripts):
    options = {"transcripts": "whisper", "whisper_transcripts": str(transcripts)}
    first = built(load, **options)
    transcripts.write_text(transcripts.read_text().replace("whisper SM", "WHISPER SM"))
    assert built(load, **options) != first


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"level_from": "folder"}, "level_from='folder' is unknown. Choose from: audio, text, drop"),
        ({"transcripts": "machine"}, "transcripts='machine' is unknown. Choose from: human, whisper, both"),
        ({"split_by": "region"}, "split_by='region' is unknown. Choose from: speaker, sample, kfold"),
        ({"levels": 6}, "levels=6 is unknown. Choose from: 5, 4"),
        ({"topics": ["part-time job"]}, "topics='part-time job' is unknown. Choose from: PTJ, SMK"),
        ({"regions": "Japan"}, "regions='Japan' is unknown. Choose from: CHN, ENS"),
        ({"transcripts": "whisper"}, "needs whisper_transcripts=FILE.*`blv-trainer transcribe` writes one"),
        ({"regions": "ENS", "natives": False}, "has no answer with a text that natives=False"),
        ({"split_by": "kfold", "folds": 1}, "num_folds=1 is not possible"),
    ],
)
def test_bad_options_get_a_sentence(load, options, message):
    with pytest.raises(ValueError, match=message):
        load(**options)


def test_missing_data_dir_gets_a_sentence():
    with pytest.raises(ValueError, match=r'load_dataset\("icnale_asa"\) needs data_dir=FOLDER'):
        datasets.load_dataset("icnale_asa")


def test_missing_and_empty_folders_get_our_sentence(load, tmp_path):
    with pytest.raises(FileNotFoundError, match="There is no folder .*none. ICNALE is free of charge"):
        load(tmp_path / "none")
    (tmp_path / "empty").mkdir()
    with pytest.raises(FileNotFoundError, match="holds no unmerged texts of the Spoken Monologue: the folder is empty"):
        load(tmp_path / "empty")


def test_split_is_the_same_under_another_hash_seed(written, prints_under_hash_seeds):
    code = """
        import sys, tempfile
        import datasets, blv_trainer
        with tempfile.TemporaryDirectory() as cache:
            print(datasets.load_dataset("icnale_asa", data_dir=sys.argv[1], cache_dir=cache)["test"]["id"][:])
    """
    assert len(prints_under_hash_seeds(code, written.folder)) == 1
