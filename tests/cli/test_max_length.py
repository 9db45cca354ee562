"""``--max_length`` belongs to the model: what was trained on short texts reads short texts wherever it goes."""

import csv
import functools
import json
import shutil

import numpy as np
import pyarrow.parquet as pq
import pytest
from transformers import AutoModelForSequenceClassification, AutoTokenizer, pipeline

from blv_trainer.cli import main
from blv_trainer.hub import export_onnx
from blv_trainer.prediction import load_classifier, predict_logits

WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "tea", "coffee", "i", "like", "drink", "often"]
NOTE = "20 of 40 texts are cut after 8 tokens and lose 60 % of theirs."  # 20 tokens each, with two of the tokenizer


@pytest.fixture(scope="module")
def encoder(tmp_path_factory, save_tiny_bert):
    return save_tiny_bert(tmp_path_factory.mktemp("encoder"), WORDS)


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    """Texts of 5 or 18 words; the long ones say in the end another word than in the beginning."""
    path = tmp_path_factory.mktemp("data") / "answers.csv"
    rng = np.random.default_rng(0)
    with open(path, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["text", "label"])
        for k in range(40):
            telling, other = ["tea", "coffee"][k % 2], ["coffee", "tea"][k % 2]
            text = " ".join([telling, *rng.choice(["i", "like", "drink", "often"], 4)])
            writer.writerow([text + f" {other}" * 13 * (k // 2 % 2), "AB"[k % 2]])
    return str(path)


FLAGS = "--max_length 8 --num_train_epochs 3 --learning_rate 1e-2 --disable_tqdm true --use_cpu --save_strategy no"


KINDS = {"text": "", "stock": "--head stock", "frozen": "--freeze_encoder", "folds": "--folds 2"}


@pytest.fixture(scope="module")
def train(table, encoder, tmp_path_factory):
    """Makes a run on eight tokens of each text, tested on all of them."""

    @functools.cache
    def train(kind):
        folder = tmp_path_factory.mktemp("runs") / "run"
        words = f"train --train_file {table} --test_file {table} --validation_file {table} --output_dir {folder} "
        assert main([*(words + f"--model_name_or_path {encoder} {FLAGS} {KINDS[kind]}").split()]) == 0
        return folder

    return train


@pytest.fixture(params=KINDS)
def trained(train, request):
    return train(request.param)


@pytest.fixture
def trained_on_texts(train):
    return train("text")


def logits_of_run(folder):
    rows = pq.read_table(folder / "predictions.parquet").to_pylist()
    return np.array([row["logits"] for row in rows if row["split"] == "test"])


def test_everyone_reads_as_much_of_a_text_as_the_run_did(trained, table, tmp_path, capsys):
    assert AutoTokenizer.from_pretrained(trained).model_max_length == 8
    assert main(["evaluate", str(trained), "--test_file", table, "--output_dir", str(tmp_path)]) == 0
    assert NOTE in capsys.readouterr().err
    np.testing.assert_allclose(logits_of_run(tmp_path), logits_of_run(trained), atol=1e-5)
    assert main(["predict", str(trained), "--input_file", table, "--format", "jsonl"]) == 0
    printed = capsys.readouterr()
    assert NOTE in printed.err
    of_run = pq.read_table(trained / "predictions.parquet", filters=[("split", "=", "test")])["p_A"].to_pylist()
    assert [json.loads(line)["p_A"] for line in printed.out.splitlines()] == pytest.approx(of_run, abs=1e-5)


def test_a_plain_pipeline_and_an_export_read_as_much(trained_on_texts, table, tmp_path):
    with open(table, encoding="utf-8") as file:
        texts = [row["text"] for row in csv.DictReader(file)]
    answers = pipeline("text-classification", model=str(trained_on_texts))(texts, top_k=None, function_to_apply="none")
    scores = [[{score["label"]: score["score"] for score in answer}[name] for name in "AB"] for answer in answers]
    np.testing.assert_allclose(scores, logits_of_run(trained_on_texts), atol=1e-5)
    pytest.importorskip("onnxscript")
    export_onnx(*load_classifier(str(trained_on_texts)), tmp_path / "onnx", texts=texts)
    exported = predict_logits(*load_classifier(str(tmp_path / "onnx")), texts)
    np.testing.assert_allclose(exported, logits_of_run(trained_on_texts), atol=1e-4)


def test_another_length_that_is_asked_for_wins_with_a_note(trained, table, tmp_path, capsys):
    words = ["evaluate", str(trained), "--test_file", table, "--output_dir", str(tmp_path), "--max_length", "32"]
    assert main(words) == 0
    error = capsys.readouterr().err
    assert "texts are cut after 32 tokens, in place of the model's own 8." in error
    assert "are cut after 8" not in error
    assert np.abs(logits_of_run(tmp_path) - logits_of_run(trained)).max() > 2e-5


@pytest.mark.slow
def test_training_says_once_what_is_cut(table, encoder, tmp_path, capsys):
    words = f"compare --train_file {table} --output_dir {tmp_path} --methods cross_entropy focal --seeds 1 --folds 2 "
    words += f"--num_resamples 100 --tsne_rows 0 --model_name_or_path {encoder} {FLAGS}"
    for kind in ("", " --freeze_encoder"):
        assert main([*(words + kind).replace(str(tmp_path), str(tmp_path / kind.strip(" -"))).split()]) == 0
        assert capsys.readouterr().err.count(NOTE) == 1


@pytest.mark.parametrize(("flag", "expected"), [("", 8), (" --max_length 20", 20)])
def test_training_goes_on_with_the_models_own_length_or_another(trained_on_texts, table, tmp_path, flag, expected):
    words = (
        f"train --train_file {table} --output_dir {tmp_path} --model_name_or_path {trained_on_texts} --decision raw "
    )
    assert main([*(words + FLAGS.replace("--max_length 8", "") + flag).split()]) == 0
    assert AutoTokenizer.from_pretrained(tmp_path).model_max_length == expected
    assert AutoModelForSequenceClassification.from_pretrained(tmp_path).config.max_tokens == expected


def test_a_model_saved_before_lengths_were_saved_reads_what_its_encoder_has_positions_for(trained_on_texts, tmp_path):
    shutil.copytree(trained_on_texts, tmp_path / "old")
    for name, key, value in (("config.json", "max_tokens", None), ("tokenizer_config.json", "model_max_length", 32)):
        saved = json.loads((tmp_path / "old" / name).read_text())
        assert saved.pop(key) == 8
        (tmp_path / "old" / name).write_text(json.dumps(saved | ({key: value} if value else {})))
    model, tokenizer = load_classifier(str(trained_on_texts))
    whole = predict_logits(model, tokenizer, ["tea " * 18], max_length=32)
    np.testing.assert_allclose(predict_logits(*load_classifier(str(tmp_path / "old")), ["tea " * 18]), whole, atol=1e-6)
    assert np.abs(predict_logits(model, tokenizer, ["tea " * 18]) - whole).max() > 1e-6
