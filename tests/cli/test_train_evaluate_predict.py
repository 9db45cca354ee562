"""The main job on the command line: train, evaluate, predict, and what happens when they are called wrongly."""

import csv
import json
import re
import shutil

import numpy as np
import pyarrow.parquet as pq
import pytest
import yaml
from transformers import pipeline

from blv_trainer import metrics as metric_room
from blv_trainer.cli import main
from blv_trainer.corpora.synthetic import write_corpus
from blv_trainer.experiments import progress
from blv_trainer.hub import write_card
from blv_trainer.hub.before_push import check_card
from blv_trainer.prediction import group_scores, load_classifier, predict_logits

LEVELS = ["low", "mid", "high"]
WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "tea", "coffee", "nevertheless", "i", "like", "drink", "often"]


@pytest.fixture(scope="module")
def encoder(tmp_path_factory, save_tiny_bert):
    """A tiny BERT with a tokenizer, saved."""
    return save_tiny_bert(tmp_path_factory.mktemp("encoder"), WORDS)


def write_csv(path, rows):
    with open(path, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["answer", "level", "speaker"])
        writer.writerows(rows)
    return str(path)


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """Labelled rows whose one telling word gives the level away; two unusable ones."""
    folder = tmp_path_factory.mktemp("data")
    rng = np.random.default_rng(0)
    telling = dict(zip(LEVELS, ["tea", "coffee", "nevertheless"], strict=True))

    def rows(counts):
        made = []
        for level, count in zip(LEVELS, counts, strict=True):
            for k in range(count):
                words = [telling[level], *rng.choice(["i", "like", "drink", "often"], size=rng.integers(2, 9))]
                made.append([" ".join(rng.permutation(words)), level, f"{level}{k % 3}"])
        return made

    return {
        "train": write_csv(folder / "train.csv", [*rows([8, 60, 20]), ["", "low", "x"], ["i like", "higher", "y"]]),
        "test": write_csv(folder / "test.csv", rows([4, 20, 8])),
    }


@pytest.fixture(scope="module")
def trained(data, encoder, tmp_path_factory):
    """A finished run."""
    folder = tmp_path_factory.mktemp("runs") / "first"
    assert main(train_words(data, encoder, folder)) == 0
    return folder


def train_words(data, encoder, folder, *more):
    return [
        *f"train --train_file {data['train']} --test_file {data['test']} --validation_file {data['test']}".split(),
        *["--text_column", "answer", "--label_column", "level", "--label_order", "low", "mid", "high"],
        *f"--model_name_or_path {encoder} --output_dir {folder} --num_train_epochs 12 --learning_rate 1e-2".split(),
        *["--loss", "blv", "--loss_kwargs", '{"sigma":1}', "--disable_tqdm", "true", "--use_cpu"],
        *more,
    ]


# ---- What a run leaves behind


def test_a_run_leaves_model_metrics_predictions_and_settings(trained):
    files = {path.name for path in trained.iterdir()}
    assert {"model.safetensors", "config.json", "tokenizer.json", "metrics.json", "predictions.parquet"} <= files
    assert {"config.yaml", "unusable_rows.csv", "modeling_mean_pooled.py"} <= files
    config = json.loads((trained / "config.json").read_text())
    assert config["class_counts"] == [8, 60, 20]
    assert config["training_loss"]["sigma"] == 1
    assert list(config["id2label"].values()) == LEVELS


def test_the_card_of_a_run_is_one_that_the_hub_takes_and_its_code_runs(trained, capsys):
    write_card(trained)
    check_card(trained)
    card = (trained / "README.md").read_text(encoding="utf-8")
    assert "On the 32 rows of the test split" in card
    assert "sigma = 1," in card
    code = card.split("```python\n")[1].split("```")[0].replace("path/to/this/folder", str(trained))
    exec(code, {})
    best, expected = capsys.readouterr().out.splitlines()
    assert any(level in best for level in LEVELS)
    assert 1 <= float(expected) <= 3


def test_it_learned_the_telling_words(trained):
    metrics = json.loads((trained / "metrics.json").read_text())
    assert metrics["test"]["accuracy"] > 0.9
    assert metrics["test"]["num_rows"] == 32


def test_metrics_are_those_of_the_predictions(trained):
    metrics = json.loads((trained / "metrics.json").read_text())
    table = pq.read_table(trained / "predictions.parquet").to_pandas()
    assert set(table["split"]) == {"validation", "test"}
    test = table[table["split"] == "test"]
    logits = np.stack(test["logits"])
    np.testing.assert_array_equal(logits.argmax(axis=1), test["prediction"])
    for name in ("accuracy", "macro_rmse", "qwk"):
        value = getattr(metric_room, name)(test["label"], test["prediction"])
        assert metrics["test"][name] == pytest.approx(value)
    assert "speaker" in table.columns
    assert "text" not in table.columns


def test_unusable_rows_are_listed(trained, data):
    with open(trained / "unusable_rows.csv", newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [(row["split"], row["row"], row["value"]) for row in rows] == [
        ("train", "90", ""),
        ("train", "91", "higher"),
    ]


def test_the_settings_repeat_the_run(trained, tmp_path):
    again = tmp_path / "again"
    assert main(["train", "--config", str(trained / "config.yaml"), "--output_dir", str(again)]) == 0
    first, second = (pq.read_table(folder / "predictions.parquet") for folder in (trained, again))
    assert first.equals(second)
    settings = [yaml.safe_load((folder / "config.yaml").read_text()) for folder in (trained, again)]
    assert settings[0] | {"output_dir": str(again)} == settings[1]


def test_an_interrupted_run_resumes_to_the_same_predictions(data, encoder, trained, tmp_path):
    folder = tmp_path / "resumed"
    assert main(train_words(data, encoder, folder, "--save_total_limit", "20")) == 0
    checkpoints = sorted(folder.glob("checkpoint-*"), key=lambda path: int(path.name.split("-")[1]))
    middle = str(checkpoints[5])
    assert main(train_words(data, encoder, folder, "--resume_from_checkpoint", middle)) == 0
    assert pq.read_table(folder / "predictions.parquet").equals(pq.read_table(trained / "predictions.parquet"))


def test_the_preset_for_laptops_keeps_the_best_epoch(data, encoder, tmp_path):
    words = train_words(data, encoder, tmp_path / "out", "--preset", "quick", "--max_length", "16")
    assert main(words) == 0
    settings = yaml.safe_load((tmp_path / "out" / "config.yaml").read_text())
    assert (settings["max_length"], settings["per_device_train_batch_size"]) == (16, 16)
    history = json.loads((tmp_path / "out" / "history.json").read_text())
    scores = [log["eval_qwk"] for log in history if "eval_qwk" in log]
    assert max(scores) > 0.3
    assert max(scores) == pytest.approx(metrics_of(tmp_path / "out")["validation_raw"]["qwk"])


def test_a_stock_head_is_trained_too(data, encoder, tmp_path):
    assert main(train_words(data, encoder, tmp_path / "out", "--head", "stock", "--max_steps", "2")) == 0
    assert json.loads((tmp_path / "out" / "config.json").read_text())["model_type"] == "bert"
    # What its last layer holds of a decision is taken out again for the largest logit's answers.
    words = f"evaluate {tmp_path / 'out'} --test_file {data['test']} --text_column answer --label_column level"
    assert main([*words.split(), "--output_dir", str(tmp_path / "again")]) == 0
    for split in ("test", "test_raw", "test_by_group_raw"):
        ours, of_run = (metrics_of(tmp_path / name)[split] for name in ("again", "out"))
        assert {name: ours[name] for name in metric_room.METRICS} == pytest.approx(
            {name: of_run[name] for name in metric_room.METRICS}, abs=1e-5, nan_ok=True
        )


def test_a_saved_classifier_can_be_trained_on(data, trained, tmp_path):
    assert main(train_words(data, str(trained), tmp_path / "out", "--max_steps", "1")) == 0
    before, after = (
        json.loads((folder / "metrics.json").read_text())["test"] for folder in (trained, tmp_path / "out")
    )
    assert after["accuracy"] == pytest.approx(before["accuracy"], abs=0.2)  # one step away
    assert before["accuracy"] > 0.9


def test_without_validation_rows_nothing_is_evaluated_on_the_way(data, encoder, tmp_path):
    words = train_words(data, encoder, tmp_path / "out", "--max_steps", "2", "--validation_fraction", "0")
    where = words.index("--validation_file")
    assert main([*words[:where], *words[where + 2 :]]) == 0
    assert set(json.loads((tmp_path / "out" / "metrics.json").read_text())) == {"train", "test", "test_by_group"}


# ---- Decisions, folds, the corpus


def metrics_of(folder):
    return json.loads((folder / "metrics.json").read_text())


def test_where_there_are_validation_rows_a_tuned_decision_is_the_default(data, trained):
    assert yaml.safe_load((trained / "config.yaml").read_text())["decision"] == "tuned"
    kinds = [
        f"{split}{kind}" for split in ("validation", "test") for kind in ("", "_raw", "_by_group", "_by_group_raw")
    ]
    assert list(metrics_of(trained)) == ["train", *kinds]
    config = json.loads((trained / "config.json").read_text())
    assert (config["decision"]["kind"], config["group_decision"]["kind"]) == ("tuned", "tuned")
    words = f"evaluate {trained} --test_file {data['test']} --text_column answer --label_column level".split()
    assert main([*words, "--output_dir", str(trained / "again")]) == 0
    again = metrics_of(trained / "again")
    for split in ("test", "test_by_group"):
        assert again[split]["macro_rmse"] == pytest.approx(metrics_of(trained)[split]["macro_rmse"])


def test_with_folds_all_rows_but_the_test_rows_are_trained_on(data, encoder, tmp_path, capsys):
    folder = tmp_path / "out"
    words = train_words(data, encoder, folder, "--folds", "3", "--max_steps", "3", "--tune_for", "macro_rmse", "qwk=2")
    assert main(words) == 0
    metrics = metrics_of(folder)
    assert {"out_of_fold", "out_of_fold_raw", "out_of_fold_by_group", "test", "test_raw"} <= set(metrics)
    assert metrics["out_of_fold"]["num_rows"] == 88 + 32  # train and validation
    assert json.loads((folder / "config.json").read_text())["class_counts"] == [12, 80, 28]
    printed = capsys.readouterr().out
    assert "[3/3] BLV, sigma 1, seed 42, fold 3 of 3" in printed
    assert printed.splitlines()[-1].startswith("Model, metrics.json")


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--folds", "10"], "--folds 10 is not possible with 9 groups (speaker): give a number from 2 to 9"),
        (["--decision", "tunned"], "--decision 'tunned' is unknown. Choose from: raw, consistent, tuned, acc"),
        (["--tune_for", "ece"], "ece judges probabilities"),
        (["--group_column", "speeker"], "Did you mean 'speaker'?"),
        (["--freeze_encoder", "--push_to_hub"], "--push_to_hub would publish the head"),
        (["--freeze_encoder", "--head", "stock"], "--freeze_encoder trains the mean-pooled head, not --head stock"),
        (["--data_dir", "corpus"], "--data_dir is instead of files and their columns: leave it out, or --train_file"),
    ],
)
def test_decisions_and_folds_that_are_not_possible_are_one_sentence(data, encoder, tmp_path, capsys, flags, message):
    assert message in misuse(train_words(data, encoder, tmp_path / "out", *flags), capsys)
    assert not (tmp_path / "out" / "model.safetensors").exists()


def test_the_corpus_is_trained_on_by_speakers(encoder, tmp_path, capsys):
    corpus = write_corpus(tmp_path / "corpus", 40, seed=1).folder
    words = f"train --data_dir {corpus} --model_name_or_path {encoder} --max_length 32 --use_cpu --disable_tqdm true"
    words = [*words.split(), "--freeze_encoder", "--num_train_epochs", "2", "--output_dir"]
    assert main([*words, str(tmp_path / "out")]) == 0
    assert "test_by_group" in metrics_of(tmp_path / "out")
    assert main([*words, str(tmp_path / "folds"), "--folds", "2"]) == 0
    metrics = metrics_of(tmp_path / "folds")
    assert (metrics["out_of_fold"]["num_rows"], metrics["out_of_fold_by_group"]["num_rows"]) == (160, 40)
    assert "test" not in metrics  # its rows are trained on
    message = misuse([*words, str(tmp_path / "no"), "--group_column", "school"], capsys)
    assert "--group_column school: the data have no such column. Choose from: id, region, speaker" in message


# ---- Evaluate and predict


def test_evaluate_gives_the_metrics_of_the_run(trained, data, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(progress, "_EVERY", 0.0)
    words = f"evaluate {trained} --test_file {data['test']} --text_column answer --label_column level"
    assert main([*words.split(), "--output_dir", str(tmp_path / "out")]) == 0
    told = capsys.readouterr()
    assert told.err.startswith(f"Evaluating {trained} on {data['test']}\n")
    assert "evaluation: 32 of 32 rows, about 0 s left" in told.err
    for split in ("test", "test_raw", "test_by_group", "test_by_group_raw"):
        ours, of_run = (metrics_of(folder)[split] for folder in (tmp_path / "out", trained))
        for name in (*metric_room.METRICS, "recall_low", "predicted_mid", "num_rows"):
            assert ours[name] == pytest.approx(of_run[name], abs=1e-6)
    header, _, *lines = told.out.splitlines()
    assert re.split(" {2,}", header.strip()) == ["test", "test, raw", "test, by speaker", "test, by speaker, raw"]
    printed = {name.strip(): values for name, *values in (line.rsplit(maxsplit=4) for line in lines)}
    assert printed["accuracy %"][0] == f"{100 * metrics_of(trained)['test']['accuracy']:.2f}"
    assert pq.read_table(tmp_path / "out" / "predictions.parquet").num_rows == 32
    assert yaml.safe_load((tmp_path / "out" / "evaluate.yaml").read_text())["test_file"] == data["test"]
    for folder, source in ((trained, "train.csv"), (tmp_path / "out", f"{trained} on test.csv")):
        page = (folder / "report" / "report.html").read_text()
        assert f"<p>{source}: 32 rows" in page
        assert (folder == trained) == ("Learning curves" in page)


RATED = {"low": "tea i like", "mid": "coffee i like", "high": "nevertheless i like"}


def evaluate(trained, path, header, rows, *more):
    """Exit code and, of what was written, the metrics."""
    with open(path, "w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([header, *rows])
    out = path.parent / "out"
    code = main(["evaluate", str(trained), "--test_file", str(path), "--output_dir", str(out), *more])
    return code, json.loads((out / "metrics.json").read_text()) if (out / "metrics.json").is_file() else None


def test_speakers_are_judged_beside_answers(trained, tmp_path, capsys):
    """Each speaker of one level has a telling answer and one of another level; one speaker has two levels."""
    rows = [
        ("nevertheless nevertheless i often", "high", "ann"),
        ("i drink", "high", "ann"),
        ("tea tea i like", "low", "bob"),
        ("i often drink", "low", "bob"),
        ("coffee i like", "mid", "cem"),
        ("tea i like", "low", "cem"),
    ]
    code, metrics = evaluate(trained, tmp_path / "x.csv", ["text", "label", "speaker"], rows)
    printed = capsys.readouterr()
    assert code == 0
    assert metrics["test"].keys() == metrics["test_by_group"].keys() | {"recall_mid"}
    assert (metrics["test"]["num_rows"], metrics["test_by_group"]["num_rows"]) == (6, 2)
    model, tokenizer = load_classifier(str(trained))
    logits = predict_logits(model, tokenizer, [text for text, _, _ in rows[:4]])
    _, pooled = group_scores(logits, ["ann", "ann", "bob", "bob"], model.config)
    assert metrics["test_by_group"]["accuracy"] == (pooled.argmax(axis=1) == [2, 0]).mean()
    assert "1 of 3 groups of the column 'speaker' have more than one label, such as 'cem': whole" in printed.err
    assert "not judged" not in printed.err
    assert "test, by speaker" in printed.out


@pytest.mark.parametrize("speaker", ["bob", "ann"])
def test_groups_that_cannot_be_judged_are_no_column_which_is_explained_where_asked_for(
    trained, tmp_path, capsys, speaker
):
    rows = [("tea", "low", "ann"), ("coffee", "mid", speaker), ("tea i", "low", "cem")]
    for more in ([], ["--group_column", "speaker"]):
        code, metrics = evaluate(trained, tmp_path / "x.csv", ["text", "label", "speaker"], rows, *more)
        printed = capsys.readouterr()
        assert code == 0
        assert list(metrics) == ["test", "test_raw"]
        assert "by speaker" not in printed.out
        why = "Whole groups of the column 'speaker' are not judged: no group of one label has more than one answer."
        assert (why in printed.err) == bool(more)


def test_a_decision_for_groups_that_the_model_holds_is_the_one_that_groups_are_judged_by(trained, tmp_path):
    """A decision that says "mid" of everybody changes groups and leaves answers."""
    folder = shutil.copytree(trained, tmp_path / "model")
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "group_decision": {"shift": [0, 1000, 0]}}))
    rows = [(text, level, level) for level, text in RATED.items() for _ in range(2)]
    _, metrics = evaluate(folder, tmp_path / "x.csv", ["text", "label", "class"], rows, "--group_column", "class")
    assert metrics["test"]["accuracy"] > 0.9
    assert [metrics["test_by_group"][f"predicted_{level}"] for level in LEVELS] == [0, 3, 0]


def test_raters_stand_beside_the_model(trained, tmp_path, capsys):
    rows = [
        (text, level, level, other) for (level, text), other in zip(RATED.items(), ["low", "high", ""], strict=True)
    ]
    header, flags = ["text", "label", "first", "second"], ["--rater_columns", "first", "second"]
    code, metrics = evaluate(trained, tmp_path / "x.csv", header, rows, *flags)
    assert code == 0
    human = metrics["test"]["human"]
    assert (human["num_rows"], human["accuracy"]) == (2, 0.5)
    header, _, *lines = capsys.readouterr().out.splitlines()
    assert header.split() == ["test", "test,", "raw", "human"]
    assert lines[0].split() == ["rows", "3", "3", "2"]


@pytest.mark.parametrize(
    ("raters", "flags", "message"),
    [
        (("low", "top"), ["first", "second"], "'top' in the rater column 'second' is none of the levels"),
        (("low", "low"), ["first"], "--rater_columns first is one rater, and agreement needs two: name a column"),
        (("low", ""), ["first", "second"], "no row has the levels of two of the 2 raters"),
        (("low", "low"), ["first", "third"], "has no rater column 'third'"),
    ],
)
def test_raters_that_cannot_be_compared_are_one_sentence(trained, tmp_path, capsys, raters, flags, message):
    rows = [("tea", "low", *raters)]
    header = ["text", "label", "first", "second"]
    assert evaluate(trained, tmp_path / "x.csv", header, rows, "--rater_columns", *flags) == (2, None)
    assert message in capsys.readouterr().err


def test_predict_json_agrees_with_the_pipeline(trained, capsys):
    texts = ["i like tea", "nevertheless i often drink"]
    assert main(["predict", str(trained), "--format", "json", "--text", texts[0], "--text", texts[1]]) == 0
    rows = json.loads(capsys.readouterr().out)
    classify = pipeline("text-classification", model=str(trained), top_k=None, device="cpu")
    for row, text, answers in zip(rows, texts, classify(texts), strict=True):
        assert row["text"] == text
        assert row["level"] == answers[0]["label"]
        for answer in answers:
            assert row[f"p_{answer['label']}"] == pytest.approx(answer["score"], abs=1e-5)
        assert row["expected_score"] == pytest.approx(1 + row["p_mid"] + 2 * row["p_high"])


def test_predict_reads_a_file_and_writes_csv(trained, data, tmp_path, capsys):
    path = tmp_path / "out.csv"
    words = f"predict {trained} --input_file {data['train']} --text_column answer --format csv --output_file {path}"
    assert main(words.split()) == 0
    with open(path, newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 89  # the row without a text is named, not predicted
    assert list(rows[0])[:5] == ["answer", "level", "speaker", "row", "predicted_level"]
    assert rows[0]["row"] == "2"
    assert {row["predicted_level"] for row in rows} <= set(LEVELS)


def test_predict_prints_a_table(trained, capsys):
    assert main(["predict", str(trained), "--text", "i like tea " * 30]) == 0
    header, _, row = capsys.readouterr().out.splitlines()
    assert header.split() == ["text", "row", "level", "expected_score", "p_low", "p_mid", "p_high"]
    assert "i like tea i like tea i like tea i li..." in row


# ---- Configuration files


def test_flags_win_over_the_file(trained, tmp_path, capsys):
    path = tmp_path / "predict.yaml"
    path.write_text(yaml.safe_dump({"model": str(trained), "format": "csv", "text": ["i like tea"]}))
    assert main(["predict", "--config", str(path)]) == 0
    assert capsys.readouterr().out.startswith("text,row,level")
    assert main(["predict", "--config", str(path), "--format", "json"]) == 0
    assert capsys.readouterr().out.startswith("[")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("learning_rat: 1", "sets 'learning_rat', which is no flag of this verb. Did you mean 'learning_rate'?"),
        ("head: none", "sets head: 'none'. Choose from: mean_pooled, stock"),
        ("num_train_epochs: many", "argument --num_train_epochs: invalid float value: 'many'"),
    ],
)
def test_a_bad_setting_of_train_is_named(text, message, tmp_path, capsys):
    (tmp_path / "config.yaml").write_text(text)
    assert main(["train", "--config", str(tmp_path / "config.yaml"), "--output_dir", str(tmp_path / "out")]) == 2
    assert message in capsys.readouterr().err


def test_numbers_in_yaml_are_read_as_on_the_command_line(tmp_path):
    from blv_trainer.cli.config import apply_config
    from blv_trainer.cli.train import build_parser

    path = tmp_path / "config.yaml"
    path.write_text("learning_rate: 1e-5\nloss_kwargs: {sigma: 2}\nfp16: false\noutput_dir: somewhere\n")
    parser = build_parser([], {})
    apply_config(parser, ["--config", str(path)])
    args = parser.parse_args(["--config", str(path)])
    assert args.learning_rate == 1e-5  # YAML takes 1e-5 for a word
    assert args.loss_kwargs == {"sigma": 2}
    assert args.fp16 is False
    assert args.output_dir == "somewhere"


# ---- Misuse: one sentence, exit code 2


def misuse(words, capsys):
    capsys.readouterr()
    assert main(words) == 2
    lines = capsys.readouterr().err.strip().splitlines()
    assert "Traceback" not in "".join(lines)
    return lines[-1]


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--loss_kwargs", '{"sigma": -1}'], "sigma=-1 cannot be used"),
        (["--loss_kwargs", "sigma=2"], "--loss_kwargs 'sigma=2' is no JSON object: write options as '{\"sigma\": 2}'"),
        (["--text_column", "text"], "no text column 'text'"),
        (["--label_order", "low", "mid", "high", "top"], "class 3 ('top') has no training example"),
        (["--label_order", "low", "low"], "must name two labels or more, each once"),
        (["--model_name_or_path", "nobody/nothing"], "--model_name_or_path nobody/nothing is no folder, was not"),
        (["--learning_rat", "1"], "Did you mean --learning_rate?"),
        (["--batch_size", "4"], "Did you mean --per_device_train_batch_size?"),
        (["--report_to", "wandb"], "--report_to wandb needs a package that is not installed: "),
        (["--metric_for_best_model", "eval_macro_rsme"], "Did you mean 'macro_rmse'?"),
        (["--max_length", "0"], "--max_length 0 cannot be used"),
        (["--max_length", "5000"], "--max_length 5000 cannot be used: give a number from 1 to "),
        (["--epochs", "1"], "Did you mean --num_train_epochs?"),
        (["--lr", "1"], "unrecognized arguments: --lr 1. blv-trainer train --help lists"),
    ],
)
def test_misuse_of_train_is_one_sentence(data, encoder, tmp_path, capsys, flags, message):
    assert message in misuse(train_words(data, encoder, tmp_path / "in" / "out", *flags), capsys)
    assert not (tmp_path / "in").exists()


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("empty.csv", b"", "no rows"),
        ("header.csv", b"answer,level\n", "no rows"),
        ("latin.csv", "answer,level\ncafé,low\nbar,mid\n".encode("latin-1"), "encoding"),
        ("equal.csv", b"answer,level\ntea,low\ncoffee,low\n", "low"),
    ],
)
def test_an_unusable_file_is_one_sentence(encoder, tmp_path, capsys, name, content, message):
    (tmp_path / name).write_bytes(content)
    words = f"train --train_file {tmp_path / name} --text_column answer --label_column level"
    words += f" --model_name_or_path {encoder} --output_dir {tmp_path / 'out'}"
    assert message in misuse(words.split(), capsys)
    assert not (tmp_path / "out" / "metrics.json").exists()


def test_a_folder_with_a_run_is_left_alone(data, encoder, trained, capsys):
    before = (trained / "metrics.json").read_text()
    assert "already holds a run (metrics.json): choose another" in misuse(train_words(data, encoder, trained), capsys)
    assert (trained / "metrics.json").read_text() == before


def test_a_folder_with_a_comparison_is_left_alone(data, encoder, tmp_path, capsys):
    (tmp_path / "comparison.json").write_text("{}")
    message = misuse(train_words(data, encoder, tmp_path), capsys)
    assert f"{tmp_path} already holds a comparison (comparison.json): choose another --output_dir" in message


def test_an_encoder_that_is_an_empty_folder_is_named(data, tmp_path, capsys):
    (tmp_path / "empty").mkdir()
    message = misuse(train_words(data, tmp_path / "empty", tmp_path / "out"), capsys)
    assert f"--model_name_or_path {tmp_path / 'empty'} holds no config.json" in message


def test_predictions_into_a_folder_are_misuse(trained, tmp_path, capsys):
    words = ["predict", str(trained), "--text", "tea", "--output_file", str(tmp_path)]
    assert f"{tmp_path}: name a file that ends in .json" in misuse(words, capsys)


def test_a_finished_run_whose_command_is_given_again_trains_no_further_step(data, encoder, tmp_path, capsys):
    words = train_words(data, encoder, tmp_path / "out", "--max_steps", "8", "--save_strategy", "steps")
    assert main([*words, "--save_steps", "8"]) == 0
    written = {name: (tmp_path / "out" / name).read_bytes() for name in ("metrics.json", "predictions.parquet")}
    assert "already holds a run (metrics.json)" in misuse(words, capsys)
    for checkpoint in (str(tmp_path / "out" / "checkpoint-8"), "True"):
        assert main([*words, "--save_steps", "8", "--resume_from_checkpoint", checkpoint]) == 0
        assert json.loads((tmp_path / "out" / "speed.json").read_text())["train"] == {}
        assert [path.name for path in (tmp_path / "out").glob("checkpoint-*")] == ["checkpoint-8"]
        for name, content in written.items():
            assert (tmp_path / "out" / name).read_bytes() == content


@pytest.fixture(scope="module")
def stock_classifier(tmp_path_factory, save_tiny_bert):
    """A stock classifier, not of ours."""
    return save_tiny_bert(tmp_path_factory.mktemp("stock"), WORDS, levels=LEVELS)


@pytest.mark.parametrize("order", [("high", "mid", "low"), ("low", "mid", "high", "top")])
def test_other_labels_than_the_saved_classifiers_are_named(data, trained, stock_classifier, tmp_path, capsys, order):
    message = (
        f"is a classifier for low, mid, high, the data has {', '.join(order)}: give the same labels in the same order"
    )
    for flags in ([str(trained)], [stock_classifier, "--head", "stock"]):
        words = train_words(data, flags[0], tmp_path / "out", "--label_order", *order, *flags[1:])
        assert message in misuse([*words, "--loss", "cross_entropy", "--loss_kwargs", "{}"], capsys)


def test_a_stock_classifier_goes_on_with_its_own_head_and_one_without_names_gets_the_datas(
    data, stock_classifier, tmp_path
):
    shutil.copytree(stock_classifier, tmp_path / "nameless")
    config = json.loads((tmp_path / "nameless" / "config.json").read_text())
    config |= {"id2label": {k: f"LABEL_{k}" for k in range(3)}, "label2id": {f"LABEL_{k}": k for k in range(3)}}
    (tmp_path / "nameless" / "config.json").write_text(json.dumps(config))
    head = load_classifier(stock_classifier)[0].classifier.weight
    for start in (stock_classifier, str(tmp_path / "nameless")):
        folder = tmp_path / "out" / start[-4:]
        more = ["--head", "stock", "--learning_rate", "1e-9", "--num_train_epochs", "1", "--decision", "raw"]
        assert main(train_words(data, start, folder, *more)) == 0
        model = load_classifier(str(folder))[0]
        np.testing.assert_allclose(model.classifier.weight.detach(), head.detach(), atol=1e-5)
        assert model.config.id2label == dict(enumerate(LEVELS))
        assert model.config.label2id == {level: k for k, level in enumerate(LEVELS)}


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["predict"], "predict needs a model and either --text or --input_file"),
        (["predict", "x"], "predict needs a model and either --text or --input_file"),
        (["predict", "x", "--text", "a", "--input_file", "b"], "either --text or --input_file"),
        (["predict", "x", "--text", " "], "--text ' ' holds no word"),
        (["evaluate", "x"], "evaluate needs a model and --test_file"),
        (["predict", "nobody/nothing", "--text", "a"], "nobody/nothing is no folder, was not downloaded before"),
        (["predict", "x", "--no_such_flag"], "unrecognized arguments: --no_such_flag. blv-trainer predict --help"),
        (["predict", "x", "--txt", "a"], "unrecognized arguments: --txt a. Did you mean --text?"),
        ([], "the following arguments are required: VERB"),
    ],
)
def test_misuse_of_other_verbs_is_one_sentence(words, message, capsys):
    assert message in misuse(words, capsys)


def test_traceback_is_also_understood_among_the_flags_of_train(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"nowhere.csv does not exist"):
        main(["train", "--train_file", "nowhere.csv", "--output_dir", str(tmp_path), "--traceback"])


def test_an_output_folder_that_is_a_file_is_named(data, encoder, capsys):
    message = misuse(train_words(data, encoder, data["train"]), capsys)
    assert f"{data['train']}: File exists. A file is in the way: choose another" in message
