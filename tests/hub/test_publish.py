"""What is published of a model's folder, what stays behind, and what is refused."""

import json
import logging
import pickle
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch

from blv_trainer.cli import main
from blv_trainer.experiments.invented import build_encoder, write_answers
from blv_trainer.hub import publish, publishing
from blv_trainer.hub.before_push import check_pipeline
from blv_trainer.hub.card.writing import PICTURE_FILE
from blv_trainer.hub.published_files import select_files
from blv_trainer.prediction import prediction_table


@pytest.fixture
def folder(trained, tmp_path):
    """A copy of the trained model's folder, with what else lies about in such folders."""
    folder = shutil.copytree(trained, tmp_path / "model")
    for name in ("history.json", "notes.txt", "runs/1/events.out.tfevents.1"):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("[]")
    (folder / "metrics.json").write_text('{"test": {"accuracy": 1.0, "num_rows": 3}}')
    (folder / "config.yaml").write_text(f"train_file: {tmp_path}/essays.csv")
    predictions = prediction_table(np.eye(3), ["A2", "B1", "B2"]).to_pydict()
    rows = pa.table({"split": ["test"] * 3, "label": [0, 1, 2], "essay": ["I am agree."] * 3, **predictions})
    pq.write_table(rows, folder / "predictions.parquet")
    return folder


@pytest.fixture
def quick(monkeypatch):
    """Leaves out the check that a pipeline loads the model."""
    monkeypatch.setattr(publishing, "check_pipeline", lambda folder, files: None)


# ---- What goes along


def test_the_model_goes_along_and_nothing_else_and_what_stays_is_said(hub, folder, caplog):
    with caplog.at_level(logging.INFO, logger="blv_trainer"):
        info = publish(folder, "alice/essays")
    pushed = hub.model("alice/essays")
    assert {"config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json"} <= set(pushed.files)
    assert {"modeling_mean_pooled.py", "configuration_mean_pooled.py"} <= set(pushed.files)
    assert {"README.md", "training_args.json"} <= set(pushed.files)
    assert f"({PICTURE_FILE})".encode() in pushed.read("README.md")
    assert PICTURE_FILE in pushed.files
    left = {entry.rstrip("/") for entry in select_files(folder).left_out}
    assert left == {
        *("checkpoint-2", "runs", "training_args.bin", "predictions.parquet", "history.json", "config.yaml"),
        "notes.txt",
    }
    assert not [file for file in pushed.files if file.split("/")[0] in left]
    said = next(message for message in caplog.messages if message.startswith("Left out"))
    assert "training_args.bin: a pickle" in said
    assert "predictions.parquet: may hold what the corpus forbids to show" in said
    assert [commit["title"] for commit in pushed.commits] == ["initial commit", "Upload a text classifier"]
    assert info.repo_url == f"{hub.url}/alice/essays"
    assert info.oid == pushed.branches["main"]


def test_training_arguments_go_along_as_json_without_paths_and_tokens(trained):
    text = (trained / "training_args.json").read_text()
    shown = json.loads(text)
    assert shown["learning_rate"] == 1e-2
    assert shown["loss"] == "blv"
    assert "output_dir" not in shown
    assert not [name for name in shown if name.endswith("_token")]
    assert str(trained.parent) not in text


def test_pictures_of_the_card_and_files_asked_for_go_along(folder):
    (folder / "README.md").write_text("![confusion](figures/confusion.svg) ![far](https://hf.co/x.png)")
    (folder / "figures").mkdir()
    for name in ("figures/confusion.svg", "figures/private.svg"):
        (folder / name).write_text("<svg/>")
    (folder / "report").mkdir()
    (folder / "report" / "report.html").write_text("texts of somebody's data")
    selection = select_files(folder, include=["notes.*", "*.html"])
    assert selection.left_out["report/"] == "shows texts of your data"
    assert {"figures/confusion.svg", "notes.txt"} <= set(selection.files)
    assert "figures/private.svg" not in selection.files


def test_a_pattern_that_matches_nothing_is_refused(folder):
    with pytest.raises(ValueError, match="include='prediction.parquet' matches no file"):
        select_files(folder, include=["prediction.parquet"])


def test_a_second_push_removes_what_the_model_no_longer_has_and_keeps_the_rest(hub, quick, folder):
    publish(folder, "alice/essays")
    pushed = hub.model("alice/essays")
    tree = dict(pushed.at("main")["tree"])
    blob = tree["config.json"]
    others = ("model-00001-of-00002.safetensors", "training_args.bin", "essays.csv")
    pushed.commit(tree | dict.fromkeys(others, blob), "by hand")
    before = len(pushed.commits)
    publish(folder, "alice/essays")
    assert {"essays.csv", ".gitattributes", "model.safetensors"} <= set(pushed.files)
    assert not {"model-00001-of-00002.safetensors", "training_args.bin"} & set(pushed.files)
    assert len(pushed.commits) == before + 1


def test_a_push_to_a_branch_leaves_main_alone(hub, quick, folder):
    from huggingface_hub import HfApi

    HfApi().create_repo("alice/essays")
    HfApi().create_branch("alice/essays", branch="second")
    publish(folder, "alice/essays", revision="second")
    assert hub.model("alice/essays").files == [".gitattributes"]
    assert "config.json" in hub.model("alice/essays").at("second")["tree"]


def test_a_name_without_owner_goes_under_the_own_one(hub, quick, folder):
    publish(folder, "essays")
    assert ("model", "alice/essays") in hub.hub.repositories


# ---- What is refused, before anything is asked of the Hub


def write(name, content):
    return lambda folder: Path(folder, name).write_bytes(content if isinstance(content, bytes) else content.encode())


def remove(name):
    return lambda folder: Path(folder, name).unlink()


def pickled_weights(folder):
    Path(folder, "model.safetensors").unlink()
    torch.save({}, Path(folder, "pytorch_model.bin"))


def disguised(folder):
    torch.save({"weights": torch.ones(1)}, Path(folder, "onnx.onnx"))


def changed_config(**changes):
    def change(folder):
        path = Path(folder, "config.json")
        path.write_text(json.dumps(json.loads(path.read_text()) | changes))

    return change


REFUSED = {
    "no configuration": (remove("config.json"), "it has no config.json"),
    "no tokenizer": (remove("tokenizer_config.json"), "it has no tokenizer_config.json"),
    "no code": (remove("modeling_mean_pooled.py"), "it has no modeling_mean_pooled.py .which auto_map"),
    "pickled weights": (pickled_weights, "it has no model.safetensors .pytorch_model.bin is a pickle"),
    "pickle by another name": (disguised, "onnx.onnx is a pickle, which can run code"),
    "plain pickle": (write("special_tokens_map.json", pickle.dumps({})), "special_tokens_map.json is a pickle"),
    "token": (write("added_tokens.json", '{"x": "hf_%s"}' % ("a" * 34)), "added_tokens.json holds a token of the Hub"),
    "token in use": (write("added_tokens.json", '{"x": "hf_alice"}'), "added_tokens.json holds the token in use"),
    "path": (write("added_tokens.json", '{"x": "/home/ann/a.csv"}'), "added_tokens.json holds the local path '/home"),
    "no card": (write("README.md", "# A model"), "the card has no metadata"),
    "unknown model": (changed_config(model_type="nobody", auto_map={}), "does not load it"),
}  # fmt: skip


@pytest.mark.parametrize("fault", REFUSED)
def test_a_folder_that_will_not_do_is_refused_with_a_sentence(hub, trained, tmp_path, fault):
    folder = shutil.copytree(trained, tmp_path / "model")
    spoil, sentence = REFUSED[fault]
    spoil(folder)
    with pytest.raises(ValueError, match=sentence) as raised:
        publish(folder, "alice/essays")
    assert "hf_a" not in str(raised.value)
    assert hub.requests() == []


def test_what_is_wrong_with_the_folder_shows_before_a_token_is_asked_for(tmp_path, monkeypatch):
    monkeypatch.delenv("HF_TOKEN", raising=False)
    monkeypatch.setenv("HF_TOKEN_PATH", str(tmp_path / "none"))
    with pytest.raises(FileNotFoundError, match="nowhere is no folder"):
        publish(tmp_path / "nowhere", "alice/essays")


def test_card_options_replace_what_a_card_says_so_that_a_push_can_be_repeated(hub, quick, folder):
    (folder / "README.md").write_text("---\nlicense: apache-2.0\n---\nBy hand, path/to/this/folder.\n")
    for _ in range(2):
        publish(folder, "alice/essays", card={"license": "mit"})
    assert hub.model("alice/essays").read("README.md") == b"---\nlicense: mit\n---\nBy hand, alice/essays.\n"


def test_the_form_that_peft_leaves_is_no_card(hub, quick, folder):
    (folder / "README.md").write_text("---\nlibrary_name: peft\n---\n[More Information Needed]\n")
    publish(folder, "alice/essays")
    assert b"pipeline_tag: text-classification" in hub.model("alice/essays").read("README.md")


def test_the_pipeline_sees_only_what_is_published(trained):
    files = select_files(trained).files
    check_pipeline(trained, files)
    with pytest.raises(ValueError, match="does not load it"):
        check_pipeline(trained, [file for file in files if file != "model.safetensors"])


# ---- From the trainer


def test_trainer_pushes_in_one_commit_what_publish_would(hub, make_trainer, tmp_path):
    trainer = make_trainer(tmp_path / "out", hub_model_id="alice/essays", hub_private_repo=True, hub_token="hf_alice")
    trainer.train()
    info = trainer.push_to_hub(commit_message="Trained", language="en")
    pushed = hub.model("alice/essays")
    assert info.oid == pushed.branches["main"]
    assert pushed.is_private
    assert [commit["title"] for commit in pushed.commits] == ["initial commit", "Trained"]
    assert {"README.md", "training_args.json", "model.safetensors"} <= set(pushed.files)
    assert "training_args.bin" not in pushed.files
    assert json.loads(pushed.read("config.json"))["class_counts"] == [8, 8, 4]
    assert not any(b"hf_alice" in pushed.read(file) for file in pushed.files)
    (tmp_path / "out" / "README.md").write_text("---\nlicense: mit\n---\nnew")
    future = trainer.push_to_hub(commit_message="Again", blocking=False, private=True)
    assert future.result(timeout=60).oid == pushed.branches["main"]


@pytest.mark.parametrize("strategy", ["every_save", "checkpoint", "all_checkpoints", "end"])
def test_checkpoints_are_pushed_without_the_pickled_arguments(hub, make_trainer, tmp_path, strategy):
    to_hub = {"push_to_hub": True, "hub_model_id": "alice/essays", "hub_strategy": strategy, "hub_always_push": True}
    best = {"eval_strategy": "steps", "eval_steps": 1, "load_best_model_at_end": True}
    make_trainer(tmp_path / "out", **to_hub, **best, save_steps=1, save_total_limit=1).train()
    assert str(tmp_path) in (tmp_path / "out" / "checkpoint-2" / "trainer_state.json").read_text()
    pushed = hub.model("alice/essays")
    titles = [commit["title"] for commit in pushed.commits[1:]]
    assert titles == ([] if strategy == "end" else ["Training in progress, step 1", "Training in progress, step 2"])
    places = {"checkpoint": {"last-checkpoint"}, "all_checkpoints": {"checkpoint-1", "checkpoint-2"}}
    assert {file.split("/")[0] for file in pushed.files if file.endswith("optimizer.pt")} == places.get(strategy, set())
    assert not [file for file in pushed.files if file.endswith("training_args.bin")]
    assert not [file for file in pushed.files if str(tmp_path).encode() in pushed.read(file)]
    assert strategy == "end" or "training_args.json" in pushed.files
    assert not list((tmp_path / "out").glob("_push-*"))


def test_a_checkpoint_that_cannot_be_pushed_does_not_stop_the_training(hub, make_trainer, tmp_path, caplog):
    trainer = make_trainer(tmp_path / "out", push_to_hub=True, hub_model_id="alice/essays", save_steps=1)
    hub.inject("/commit/", status=503, times=99)
    trainer.train()
    assert trainer.state.global_step == 2
    assert "a checkpoint was not pushed, training goes on: the Hub is in trouble" in caplog.text
    assert len(hub.model("alice/essays").commits) == 1


def test_a_run_that_could_not_be_pushed_is_refused_before_training(hub, make_trainer, tmp_path):
    with pytest.raises(PermissionError, match="the token may not write to bob/essays"):
        make_trainer(tmp_path / "out", push_to_hub=True, hub_model_id="bob/essays")


def test_only_the_first_process_asks_anything_of_the_hub(hub, make_trainer, tmp_path, monkeypatch):
    monkeypatch.setattr("blv_trainer.BLVTrainer.is_world_process_zero", lambda self: False)
    trainer = make_trainer(tmp_path / "out", push_to_hub=True, hub_model_id="alice/essays", save_steps=1)
    trainer.train()
    assert trainer.push_to_hub() is None
    assert hub.requests() == []


# ---- On the command line


def test_push_prints_the_address_and_what_stays_behind_or_exits_with_1_and_one_sentence(hub, quick, folder, capsys):
    words = ["push", str(folder), "--repo_id", "alice/essays", "--private", "--license", "mit", "--tags", "cefr"]
    assert main(words) == 0
    printed = capsys.readouterr()
    assert printed.out == f"{hub.url}/alice/essays\n"
    assert "predictions.parquet: may hold what the corpus forbids to show" in printed.err
    assert hub.model("alice/essays").is_private
    assert b"license: mit" in hub.model("alice/essays").read("README.md")
    assert main(["push", str(folder), "--repo_id", "bob/essays"]) == 1
    assert "blv-trainer push: the token may not write to bob/essays" in capsys.readouterr().err.splitlines()[-1]


def test_check_only_names_what_would_go_along_and_sends_nothing_and_a_name_is_needed(hub, quick, folder, capsys):
    assert main(["push", str(folder), "--repo_id", "alice/essays", "--check_only"]) == 0
    assert {"README.md", "config.json", "model.safetensors"} <= set(capsys.readouterr().out.split())
    assert hub.requests() == []
    assert main(["push", str(folder)]) == 2
    assert "push needs a folder (or --metric) and a name" in capsys.readouterr().err


# ---- What train leaves

_LEVELS_WITHOUT_US = """
import json, sys
sys.modules["blv_trainer"] = None  # as where it is not installed
from transformers import pipeline
classifier = pipeline("text-classification", model=sys.argv[1], trust_remote_code=True)
print(json.dumps([answer["label"] for answer in classifier(json.load(sys.stdin), truncation=True, max_length=64)]))
"""


@pytest.mark.slow
@pytest.mark.parametrize("how", [["--folds", "2", "--freeze_encoder"], ["--validation_fraction", "0.25"]], ids=" ".join)
def test_a_model_of_train_is_published_with_the_levels_that_it_decided(tmp_path, capsys, how):
    write_answers(tmp_path / "answers.csv", 40, seed=1)
    write_answers(tmp_path / "others.csv", 20, seed=2)
    rows = pd.read_csv(tmp_path / "answers.csv")
    out, split = tmp_path / "out", "validation"
    encoder = build_encoder(rows["text"].tolist(), tmp_path / "encoder", seed=0)
    settings = {"train_file": tmp_path / "answers.csv", "model_name_or_path": encoder, "output_dir": out}
    settings |= {"max_length": 64, "num_train_epochs": 3, "learning_rate": 2e-3, "use_cpu": True}
    if "--folds" in how:
        rows, split = pd.read_csv(tmp_path / "others.csv"), "test"
        settings["test_file"] = tmp_path / "others.csv"
    words = [word for name, value in settings.items() for word in (f"--{name}", str(value))]
    assert main(["train", *words, *how]) == 0
    capsys.readouterr()
    assert main(["push", str(out), "--repo_id", "someone/levels", "--check_only"]) == 0
    for file in capsys.readouterr().out.splitlines():
        (tmp_path / "published" / file).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(out / file, tmp_path / "published" / file)
    found = pd.read_parquet(out / "predictions.parquet").query("split == @split").merge(rows[["id", "text"]], on="id")
    command = [sys.executable, "-c", _LEVELS_WITHOUT_US, str(tmp_path / "published")]
    texts = json.dumps(found["text"].tolist())
    done = subprocess.run(command, input=texts, capture_output=True, text=True, check=True, timeout=300)
    assert json.loads(done.stdout.splitlines()[-1]) == found["level"].tolist()
    metrics = json.loads((out / "metrics.json").read_text())
    assert metrics[split]["accuracy"] == pytest.approx((found["label"] == found["prediction"]).mean())
    card = (tmp_path / "published" / "README.md").read_text()
    assert f"| Accuracy, % | {100 * metrics[split]['accuracy']:.2f} | " in card
    assert f" | {100 * metrics[f'{split}_raw']['accuracy']:.2f} | higher |" in card
    assert "## Whole groups" in card
