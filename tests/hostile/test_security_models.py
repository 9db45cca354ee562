"""Folders that call themselves models: pickles, code of their own, damaged weights."""

import dataclasses
import json
import pickle
import shutil
from pathlib import Path

import pytest
import torch
from transformers import BertModel
from whisper.model import ModelDimensions, Whisper

from blv_trainer import MeanPooledForSequenceClassification
from blv_trainer.arguments import ModelArguments
from blv_trainer.asr.whisper import load_whisper
from blv_trainer.cli import main
from blv_trainer.corpora.table import load_table
from blv_trainer.experiments.single_run import build_model
from blv_trainer.prediction import load_classifier

LEVELS = ["A2", "B1", "B2"]
WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "i", "like", "tea", "coffee"]
WEIGHTS = "model.safetensors"


class Evil:
    """Leaves a file where somebody unpickles it."""

    def __init__(self, mark):
        self.mark = str(mark)

    def __reduce__(self):
        return Path.touch, (Path(self.mark),)


@pytest.fixture(scope="module")
def classifier(tmp_path_factory, save_tiny_bert):
    """A tiny stock classifier with its tokenizer, saved."""
    return Path(save_tiny_bert(tmp_path_factory.mktemp("classifier"), WORDS, levels=LEVELS))


@pytest.fixture
def folder(classifier, tmp_path):
    """A copy of it to spoil."""
    return Path(shutil.copytree(classifier, tmp_path / "model"))


TRAIN = "--train_file {rows} --validation_file {rows} --test_file {rows} --output_dir {out}"
TRAIN += " --use_cpu --disable_tqdm true --max_steps 1 --model_name_or_path {model}"
VERBS = {  # every command that loads a model
    "predict": "predict {model} --text tea",
    "evaluate": "evaluate {model} --test_file {rows}",
    "train": f"train {TRAIN}",
    "train stock": f"train --head stock {TRAIN}",
    "compare": f"compare --seeds 1 {TRAIN}",
}


@pytest.fixture
def words(folder, tmp_path):
    """The words of a verb that loads the folder."""
    rows = tmp_path / "rows.csv"
    rows.write_text("text,label\n" + "".join(f"{'tea ' * k},{level}\n" for k, level in enumerate(LEVELS * 6, start=1)))
    return lambda verb: VERBS[verb].format(model=folder, rows=rows, out=tmp_path / "out").split()


def refused(words, capsys):
    """The sentence with which a command is refused."""
    assert main(words) == 2
    return capsys.readouterr().err.strip().splitlines()[-1]


# ---- Weights


@pytest.mark.parametrize("verb", VERBS)
def test_weights_in_a_pickle_are_refused_unread(verb, words, folder, tmp_path, capsys):
    mark = tmp_path / "ran"
    torch.save({"classifier.bias": Evil(mark)}, folder / "pytorch_model.bin")
    (folder / WEIGHTS).unlink()
    said = refused(words(verb), capsys)
    assert str(folder) in said
    assert "safetensors" in said
    if verb in ("predict", "evaluate"):
        assert "a pickle such as pytorch_model.bin are not read" in said
        assert "convert it once: transformers.AutoModel.from_pretrained(OLD).save_pretrained(NEW)" in said
    assert not mark.exists()


@pytest.mark.parametrize("content", [b"", b"not weights at all"])
@pytest.mark.parametrize("verb", ["predict", "train stock"])
def test_damaged_weights_are_named(verb, content, words, folder, capsys):
    (folder / WEIGHTS).write_bytes(content)
    assert str(folder) in refused(words(verb), capsys)


def test_a_tokenizer_that_the_tokenizers_library_cannot_read_is_refused_with_a_sentence(folder):
    tokenizer = folder / "tokenizer.json"
    tokenizer.write_text(tokenizer.read_text().replace('"padding"', '"pading"'))
    with pytest.raises(ValueError, match=f"{folder} cannot be loaded: Exception: expected"):
        load_classifier(str(folder))


@pytest.mark.parametrize("verb", ["predict", "evaluate"])
def test_an_encoder_without_a_head_predicts_nothing(verb, words, folder, capsys):
    """Loaded as a classifier it would get a random head, and every level with it."""
    BertModel.from_pretrained(folder).save_pretrained(folder)
    said = refused(words(verb), capsys)
    assert "lacks the weights classifier.bias, classifier.weight, so it is no finished classifier" in said


@pytest.mark.parametrize(
    "name", ["optimizer.pt", *(pytest.param(n, marks=pytest.mark.slow) for n in ("scheduler.pt", "rng_state.pth"))]
)
def test_a_checkpoint_that_runs_code_is_not_gone_on_with(name, words, folder, tmp_path, capsys):
    train = [*words("train"), "--eval_strategy", "no", "--save_strategy", "steps"]
    assert main([*train, "--save_steps", "1"]) == 0
    checkpoint, mark = tmp_path / "out" / "checkpoint-1", tmp_path / "ran"
    torch.save({"state": Evil(mark)}, checkpoint / name)
    assert main([*train, "--max_steps", "2", "--resume_from_checkpoint", str(checkpoint)]) in (1, 2)
    said = capsys.readouterr().err.strip().splitlines()[-1]
    assert str(checkpoint) in said
    assert not mark.exists()


@pytest.mark.parametrize("legacy", [False, True])
def test_whisper_weights_that_run_code_are_refused(legacy, tmp_path):
    path, mark = tmp_path / "evil.pt", tmp_path / "ran"
    torch.save({"dims": {}, "model_state_dict": Evil(mark)}, path, _use_new_zipfile_serialization=not legacy)
    with pytest.raises(ValueError, match="evil.pt is no Whisper checkpoint"):
        load_whisper(str(path))
    assert not mark.exists()


@pytest.mark.parametrize("name", [field.name for field in dataclasses.fields(ModelDimensions)])
def test_whisper_weights_take_no_memory_for_sizes_that_they_only_declare(name, tmp_path):
    dims = ModelDimensions(4, 6, 8, 2, 1, 51865, 12, 8, 2, 1)
    weights, path = Whisper(dims).state_dict(), tmp_path / "giant.pt"
    giant = {**dataclasses.asdict(dims), name: 10**12}
    torch.save({"dims": giant, "model_state_dict": weights}, path)
    with pytest.raises(ValueError, match="giant.pt is no Whisper checkpoint: .*'dims' says .*1000000000000"):
        load_whisper(str(path))


def test_a_folder_of_pickled_data_is_no_dataset(tmp_path):
    data, mark = tmp_path / "data", tmp_path / "ran"
    data.mkdir()
    (data / "train.pkl").write_bytes(pickle.dumps(Evil(mark)))
    with pytest.raises((ValueError, FileNotFoundError), match="data"):
        load_table(dataset_name=str(data))
    assert not mark.exists()


# ---- Code


def with_code(folder, mark, *, known_type):
    """Makes the folder's configuration point to a file of code that leaves ``mark``."""
    (folder / "hostile.py").write_text(
        f"import pathlib\npathlib.Path({str(mark)!r}).touch()\n"
        "from transformers import BertConfig, BertForSequenceClassification, BertModel, BertTokenizerFast\n"
        "class Config(BertConfig): model_type = 'hostile'\n"
        "class Base(BertModel): config_class = Config\n"
        "class Model(BertForSequenceClassification): config_class = Config\n"
        "class Tokenizer(BertTokenizerFast): pass\n"
    )
    auto = {"AutoConfig": "Config", "AutoModel": "Base", "AutoModelForSequenceClassification": "Model"}
    changes = {"auto_map": {key: f"hostile.{name}" for key, name in auto.items()}}
    if not known_type:
        changes["model_type"] = "hostile"
    of_tokenizer = {"auto_map": {"AutoTokenizer": [None, "hostile.Tokenizer"]}}
    for path, change in ((folder / "config.json", changes), (folder / "tokenizer_config.json", of_tokenizer)):
        path.write_text(json.dumps({**json.loads(path.read_text()), **change}))


@pytest.mark.parametrize("verb", VERBS)
def test_code_that_comes_with_a_model_is_not_run(verb, words, folder, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("builtins.input", lambda question: pytest.fail("somebody was asked"))
    mark = tmp_path / "ran"
    with_code(folder, mark, known_type=False)
    said = refused(words(verb), capsys)
    assert str(folder) in said
    assert "code" in said
    assert not mark.exists()


@pytest.mark.parametrize("verb", ["predict", "evaluate"])
def test_a_type_of_model_that_we_know_needs_none_of_the_code_beside_it(verb, words, folder, tmp_path):
    mark = tmp_path / "ran"
    with_code(folder, mark, known_type=True)
    assert main(words(verb)) == 0
    assert not mark.exists()


def test_code_that_comes_with_a_model_runs_where_it_is_asked_for(words, folder, tmp_path):
    mark = tmp_path / "ran"
    with_code(folder, mark, known_type=False)
    main([*words("predict"), "--trust_remote_code"])
    assert mark.exists()


def test_our_own_model_loads_by_the_installed_code_not_by_that_beside_it(make_mean_pooled, classifier, tmp_path):
    folder, mark = tmp_path / "ours", tmp_path / "ran"
    make_mean_pooled().save_pretrained(folder)
    for name in ("tokenizer.json", "tokenizer_config.json"):
        shutil.copy(classifier / name, folder)
    for path in folder.glob("*.py"):  # written beside the weights for those who do not have this package
        path.write_text(f"import pathlib\npathlib.Path({str(mark)!r}).touch()\n")
    model, _ = load_classifier(str(folder))
    again, _ = build_model(ModelArguments(model_name_or_path=str(folder)), ["A2", "B1_1", "B1_2", "B2"])
    assert type(again) is type(model) is MeanPooledForSequenceClassification
    assert not mark.exists()
