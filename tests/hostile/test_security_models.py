"""Folders that call themselves models: pickles, code of their own, damaged weights."""

import dataclasses
import json
import pickle
import shutil
from pathlib import Path

import pytest
import torch
from transformers import BertForSequenceClassification, BertModel
from whisper.model import ModelDimensions, Whisper

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


@pytest.fixture
def rows(tmp_path):
    path = tmp_path / "rows.csv"
    path.write_text("text,label\n" + "".join(f"{'tea ' * k},{level}\n" for k, level in enumerate(LEVELS * 6, start=1)))
    return path


@pytest.fixture
def verbs(rows, tmp_path):
    """Every command that loads a model, without the model."""
    out = tmp_path / "out"
    files = [word for split in ("train", "validation", "test") for word in (f"--{split}_file", str(rows))]
    train = [*files, "--output_dir", str(out), "--use_cpu", "--disable_tqdm", "true", "--max_steps", "1"]
    return {
        "predict": lambda model: ["predict", str(model), "--text", "i like tea"],
        "evaluate": lambda model: ["evaluate", str(model), "--test_file", str(rows)],
        "train": lambda model: ["train", "--model_name_or_path", str(model), *train],
        "train stock": lambda model: ["train", "--head", "stock", "--model_name_or_path", str(model), *train],
        "compare": lambda model: ["compare", "--model_name_or_path", str(model), "--seeds", "1", *train],
    }


VERBS = ["predict", "evaluate", "train", "train stock", "compare"]


def refused(words, capsys):
    """The sentence with which a command is refused."""
    assert main(words) == 2
    said = capsys.readouterr().err
    assert "Traceback" not in said
    return said.strip().splitlines()[-1]


# ---- Weights


@pytest.mark.parametrize("verb", VERBS)
def test_weights_in_a_pickle_are_refused_unread(verb, verbs, folder, tmp_path, capsys):
    mark = tmp_path / "ran"
    torch.save({"classifier.bias": Evil(mark)}, folder / "pytorch_model.bin")
    (folder / WEIGHTS).unlink()
    said = refused(verbs[verb](folder), capsys)
    assert str(folder) in said
    assert "safetensors" in said
    assert not mark.exists()


def test_even_honest_weights_in_a_pickle_are_refused_with_the_cure(folder):
    model = BertForSequenceClassification.from_pretrained(folder)
    torch.save(model.state_dict(), folder / "pytorch_model.bin")
    (folder / WEIGHTS).unlink()
    with pytest.raises(FileNotFoundError, match=r"such as pytorch_model.bin are not read.*save_pretrained"):
        load_classifier(str(folder))


@pytest.mark.parametrize("content", [b"", b"{}", b"\xff" * 8 + b"{}", b"\x02\0\0\0\0\0\0\0{}", b"not weights at all"])
@pytest.mark.parametrize("verb", ["predict", "train stock"])
def test_damaged_weights_are_named(verb, content, verbs, folder, capsys):
    (folder / WEIGHTS).write_bytes(content)
    if verb == "predict" or content != b"\x02\0\0\0\0\0\0\0{}":  # a file without weights starts training anew
        assert str(folder) in refused(verbs[verb](folder), capsys)


def test_a_tokenizer_that_the_tokenizers_library_cannot_read_is_refused_with_a_sentence(folder):
    tokenizer = folder / "tokenizer.json"
    tokenizer.write_text(tokenizer.read_text().replace('"padding"', '"pading"'))
    with pytest.raises(ValueError, match=f"{folder} cannot be loaded: Exception: expected"):
        load_classifier(str(folder))


def test_damaged_model_folders_are_loaded_or_refused_with_a_sentence(fuzz, refusals, mutations, classifier, folder):
    names = ["config.json", "tokenizer.json", "tokenizer_config.json", WEIGHTS]

    def check(name, data):
        whole = (classifier / name).read_bytes()
        (folder / name).write_bytes(data.draw(mutations(whole[:400])) + whole[400:])
        with refusals(folder):
            load_classifier(str(folder))
        (folder / name).write_bytes(whole)

    from hypothesis import strategies as st

    fuzz(check, st.sampled_from(names), st.data(), slower=5)


@pytest.mark.parametrize("verb", ["predict", "evaluate"])
def test_an_encoder_without_a_head_predicts_nothing(verb, verbs, folder, capsys):
    """Loaded as a classifier it would get a random head, and every level with it."""
    BertModel.from_pretrained(folder).save_pretrained(folder)
    said = refused(verbs[verb](folder), capsys)
    assert "lacks the weights classifier.bias, classifier.weight, so it is no finished classifier" in said


@pytest.mark.parametrize("name", ["optimizer.pt", "scheduler.pt", "rng_state.pth"])
def test_a_checkpoint_that_runs_code_is_not_gone_on_with(name, verbs, folder, tmp_path, capsys):
    words = [*verbs["train"](folder), "--eval_strategy", "no", "--save_strategy", "steps"]
    assert main([*words, "--save_steps", "1"]) == 0
    checkpoint, mark = tmp_path / "out" / "checkpoint-1", tmp_path / "ran"
    torch.save({"state": Evil(mark)}, checkpoint / name)
    again = [*words, "--max_steps", "2", "--resume_from_checkpoint", str(checkpoint)]
    assert main(again) in (1, 2)
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
@pytest.mark.parametrize("legacy", [False, True])
def test_whisper_weights_take_no_memory_for_sizes_that_they_only_declare(name, legacy, tmp_path):
    dims = ModelDimensions(4, 6, 8, 2, 1, 51865, 12, 8, 2, 1)
    weights, path = Whisper(dims).state_dict(), tmp_path / "giant.pt"
    giant = {**dataclasses.asdict(dims), name: 10**12}
    torch.save({"dims": giant, "model_state_dict": weights}, path, _use_new_zipfile_serialization=not legacy)
    with pytest.raises(ValueError, match="giant.pt is no Whisper checkpoint: .*'dims' says .*1000000000000"):
        load_whisper(str(path))


def test_damaged_whisper_weights_are_refused_with_a_sentence(fuzz, refusals, mutations, tmp_path):
    path = tmp_path / "damaged.pt"
    dims = dict.fromkeys(("n_mels", "n_audio_ctx", "n_audio_state", "n_audio_head", "n_audio_layer", "n_vocab"), 2)
    torch.save({"dims": dims, "model_state_dict": {"weight": torch.zeros(2)}}, path)
    whole = path.read_bytes()

    def check(content):
        path.write_bytes(content)
        with refusals(path):
            load_whisper(str(path))

    fuzz(check, mutations(whole, pickle.dumps({"dims": dims})))


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
    config = json.loads((folder / "config.json").read_text())
    auto = {"AutoConfig": "Config", "AutoModel": "Base", "AutoModelForSequenceClassification": "Model"}
    config["auto_map"] = {key: f"hostile.{name}" for key, name in auto.items()}
    if not known_type:
        config["model_type"] = "hostile"
    (folder / "config.json").write_text(json.dumps(config))
    tokenizer = json.loads((folder / "tokenizer_config.json").read_text())
    tokenizer["auto_map"] = {"AutoTokenizer": [None, "hostile.Tokenizer"]}
    (folder / "tokenizer_config.json").write_text(json.dumps(tokenizer))


@pytest.mark.parametrize("verb", VERBS)
def test_code_that_comes_with_a_model_is_not_run(verb, verbs, folder, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("builtins.input", lambda question: pytest.fail("somebody was asked"))
    mark = tmp_path / "ran"
    with_code(folder, mark, known_type=False)
    said = refused(verbs[verb](folder), capsys)
    assert str(folder) in said
    assert "code" in said
    assert not mark.exists()


@pytest.mark.parametrize("verb", ["predict", "evaluate"])
def test_a_type_of_model_that_we_know_needs_none_of_the_code_beside_it(verb, verbs, folder, tmp_path):
    mark = tmp_path / "ran"
    with_code(folder, mark, known_type=True)
    assert main(verbs[verb](folder)) == 0
    assert not mark.exists()


def test_code_that_comes_with_a_model_runs_where_it_is_asked_for(verbs, folder, tmp_path):
    mark = tmp_path / "ran"
    with_code(folder, mark, known_type=False)
    main([*verbs["predict"](folder), "--trust_remote_code"])
    assert mark.exists()


def test_our_own_model_loads_by_the_installed_code_not_by_that_beside_it(make_mean_pooled, classifier, tmp_path):
    folder, mark = tmp_path / "ours", tmp_path / "ran"
    make_mean_pooled().save_pretrained(folder)
    for name in ("tokenizer.json", "tokenizer_config.json"):
        shutil.copy(classifier / name, folder)
    for path in folder.glob("*.py"):  # written beside the weights for those who do not have this package
        path.write_text(f"import pathlib\npathlib.Path({str(mark)!r}).touch()\n")
    model, _ = load_classifier(str(folder))
    assert type(model).__module__ == "blv_trainer.modeling.modeling_mean_pooled"
    from blv_trainer.arguments import ModelArguments

    again, _ = build_model(ModelArguments(model_name_or_path=str(folder)), ["A2", "B1_1", "B1_2", "B2"])
    assert type(again) is type(model)
    assert not mark.exists()
