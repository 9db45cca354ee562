"""What a run's folder says: finished, to be resumed, somebody else's, made with other settings."""

import json
import logging
import platform

import pytest
from datasets import Dataset, DatasetDict

from blv_trainer.arguments import BLVTrainingArguments, ModelArguments
from blv_trainer.experiments import runs
from blv_trainer.experiments.methods import Method

SETTINGS = {"method": "focal", "seed": 1, "learning_rate": 0.1}


@pytest.fixture
def folder(tmp_path):
    """A run that was begun with ``SETTINGS``."""
    folder = runs.folder_of(tmp_path, Method("blv", {"sigma": 6, "scope": "element"}), 7)
    assert folder == tmp_path / "runs" / "blv_scope=element,sigma=6" / "seed_7"
    assert runs.begin(folder, SETTINGS, chosen_by_user=False) is None
    return folder


def test_a_run_is_finished_once_its_metrics_are_there(folder):
    assert not runs.is_finished(folder)
    (folder / "metrics.json").write_text("{}")
    assert runs.is_finished(folder)
    (folder / "run.json").unlink()
    assert not runs.is_finished(folder)


def test_settings_and_conditions_are_written_when_a_run_starts(folder):
    written = json.loads((folder / "run.json").read_text())
    assert written["settings"] == SETTINGS
    assert written["conditions"]["python"] == platform.python_version()
    assert {"torch", "transformers", "system", "device"} <= written["conditions"].keys()


def test_changed_settings_are_named_and_their_defaults_too(folder):
    runs.refuse_changed_settings(folder, dict(SETTINGS))
    changed = {"method": "focal", "seed": 1, "num_train_epochs": 3}
    message = "made with learning_rate=0.1, now TrainingArguments' default; "
    message += "num_train_epochs=TrainingArguments' default, now 3. Results"
    with pytest.raises(ValueError, match=message):
        runs.refuse_changed_settings(folder, changed)
    (folder / "run.json").write_text('{"settings": ')
    with pytest.raises(ValueError, match=r"run.json was not written by this version .* or remove the folder"):
        runs.refuse_changed_settings(folder, SETTINGS)


def test_a_number_is_the_same_setting_with_a_point_and_without(tmp_path):
    runs.begin(tmp_path, {"num_train_epochs": 30}, chosen_by_user=False)
    runs.refuse_changed_settings(tmp_path, {"num_train_epochs": 30.0})


def test_an_unfinished_run_of_other_settings_is_begun_again(folder):
    (folder / "checkpoint-3").mkdir()
    assert runs.begin(folder, {**SETTINGS, "seed": 2}, chosen_by_user=False) is None
    assert [path.name for path in folder.iterdir()] == ["run.json"]


def test_a_folder_of_something_else_is_left_alone(tmp_path):
    (tmp_path / "thesis.txt").write_text("years of work")
    with pytest.raises(FileExistsError, match=r"holds files but no run.json, so it is no run: remove it, or choose"):
        runs.begin(tmp_path, SETTINGS, chosen_by_user=False)
    assert (tmp_path / "thesis.txt").exists()


def test_going_on_with_newer_versions_is_said(folder, monkeypatch, caplog):
    monkeypatch.setattr(runs, "last_whole_checkpoint", lambda folder, num_processes: folder / "checkpoint-3")
    with caplog.at_level(logging.WARNING, logger="blv_trainer"):
        assert runs.begin(folder, SETTINGS, chosen_by_user=False) == str(folder / "checkpoint-3")
        assert caplog.text == ""
        now = {**runs.conditions(), "torch": "99"}
        monkeypatch.setattr(runs, "conditions", lambda: now)
        assert runs.begin(folder, SETTINGS, chosen_by_user=False) == str(folder / "checkpoint-3")
    assert "now 99: its end may differ from that of one run" in caplog.text


def test_nothing_is_removed_from_a_folder_that_its_user_chose(tmp_path):
    (tmp_path / "thesis.txt").write_text("years of work")
    assert runs.begin(tmp_path, SETTINGS, chosen_by_user=True) is None
    assert runs.begin(tmp_path, SETTINGS, chosen_by_user=True) is None
    (tmp_path / "checkpoint-3").mkdir()
    with pytest.raises(ValueError, match=r"holds an unfinished run with seed=1, now 2: give the old settings to go on"):
        runs.begin(tmp_path, {**SETTINGS, "seed": 2}, chosen_by_user=True)
    assert {path.name for path in tmp_path.iterdir()} == {"thesis.txt", "run.json", "checkpoint-3"}


def test_a_run_that_failed_before_its_first_checkpoint_can_be_corrected(tmp_path):
    runs.begin(tmp_path, SETTINGS, chosen_by_user=True)
    corrected = {**SETTINGS, "seed": 2}
    assert runs.begin(tmp_path, corrected, chosen_by_user=True) is None
    runs.refuse_changed_settings(tmp_path, corrected)  # now they are those of the run


def test_what_no_report_needs_is_dropped(folder):
    for name in ("model.safetensors", "training_args.bin", "tokenizer.json", "metrics.json"):
        (folder / name).touch()
    (folder / "checkpoint-3").mkdir()
    runs.drop_weights(folder, checkpoints_only=True)
    assert {path.name for path in folder.iterdir()} == {
        "run.json", "metrics.json", "model.safetensors", "training_args.bin", "tokenizer.json",
    }  # fmt: skip
    (folder / "checkpoint-5").mkdir()
    runs.drop_weights(folder)
    assert {path.name for path in folder.iterdir()} == {"run.json", "metrics.json"}


def make_dataset(texts=("a", "b"), labels=(0, 1), **columns):
    return DatasetDict(train=Dataset.from_dict({"text": list(texts), "label": list(labels), **columns}))


def test_the_digest_of_the_data_changes_with_every_text_label_and_name():
    plain = runs.data_digest(make_dataset(), ["A2", "B1"])
    assert plain == runs.data_digest(make_dataset(speaker=["x", "y"]), ["A2", "B1"])
    others = [
        runs.data_digest(make_dataset(texts=("a", "c")), ["A2", "B1"]),
        runs.data_digest(make_dataset(labels=(1, 1)), ["A2", "B1"]),
        runs.data_digest(make_dataset(), ["A2", "B2"]),
        runs.data_digest(DatasetDict(test=make_dataset()["train"]), ["A2", "B1"]),
    ]
    assert len({plain, *others}) == 5


def test_the_digest_of_an_encoder_is_that_of_its_files_or_its_name(tmp_path):
    assert runs.encoder_digest("bert-base-uncased") == "bert-base-uncased"
    (tmp_path / "config.json").write_text("{}")
    (tmp_path / "model.safetensors").write_bytes(b"weights")
    first = runs.encoder_digest(str(tmp_path))
    (tmp_path / "README.md").write_text("changes nothing")
    assert runs.encoder_digest(str(tmp_path)) == first
    (tmp_path / "model.safetensors").write_bytes(b"other weights")
    assert runs.encoder_digest(str(tmp_path)) != first


# ---- What changed, in words


def settings_of(folder, labels, names, *, texts=None, encoder=b"weights"):
    rows = {"text": texts or [f"text {k}" for k in range(len(labels))], "label": labels}
    folder.mkdir(exist_ok=True)
    (folder / "model.safetensors").write_bytes(encoder)
    dataset = DatasetDict(train=Dataset.from_dict(rows))
    return runs.run_settings(dataset, names, ModelArguments(str(folder)), BLVTrainingArguments("out", use_cpu=True))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"names": ["A", "C"]}, r'with labels=\["A", "B"\], now \["A", "C"\]\. Results'),
        ({"labels": [0, 1, 1]}, r'with rows={"train": 2}, now {"train": 3}\. Results'),
        ({"texts": ["text 0", "other"]}, "with other texts or labels. Results"),
        ({"labels": [1, 0]}, "with other texts or labels. Results"),
        ({"encoder": b"others"}, "with an encoder of other weights or settings. Results"),
    ],
)
def test_what_changed_in_the_data_is_said_and_no_sums(tmp_path, change, message):
    given = {"labels": [0, 1], "names": ["A", "B"]}
    runs.begin(tmp_path / "run", settings_of(tmp_path / "encoder", **given), chosen_by_user=False)
    with pytest.raises(ValueError, match=message):
        runs.refuse_changed_settings(tmp_path / "run", settings_of(tmp_path / "encoder", **{**given, **change}))


def test_a_run_that_does_not_say_how_many_rows_it_had_is_told_by_its_sum_alone(tmp_path):
    settings = settings_of(tmp_path / "encoder", [0, 1], ["A", "B"])
    old = {name: value for name, value in settings.items() if name not in ("labels", "rows")}
    runs.begin(tmp_path / "run", old, chosen_by_user=False)
    runs.refuse_changed_settings(tmp_path / "run", settings)
    with pytest.raises(ValueError, match="with other texts or labels. Results"):
        runs.refuse_changed_settings(tmp_path / "run", settings_of(tmp_path / "encoder", [0, 1, 1], ["A", "B"]))
