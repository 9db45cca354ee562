"""The card of a run: that its numbers are those of the files, and that nothing in the files can break or enter it."""

import html
import json
import math
import os
import shutil
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml
from datasets import Dataset
from huggingface_hub import ModelCard, parse_eval_result_entries

from blv_trainer import build_loss
from blv_trainer.decision import Decision
from blv_trainer.experiments.decisions import Chosen, Decided
from blv_trainer.files import write_json
from blv_trainer.hub.before_push import check_card
from blv_trainer.hub.card import writing
from blv_trainer.hub.card.sections import OF_GROUPS as OF_GROUPS_SHOWN
from blv_trainer.hub.card.writing import amend_card, write_card
from blv_trainer.losses import describe_loss
from blv_trainer.metrics import METRICS
from blv_trainer.prediction import prediction_table
from blv_trainer.run_folder import METRICS_FILE, predictions_of_split

EXAMPLE = Path(__file__).parents[3] / "model_card" / "example.md"
NAMES = ["A2", "B1_1", "B1_2", "B2"]
COUNTS = [30, 220, 500, 150]
PRIOR = (0.1, 0.2, 0.5, 0.2)
SIGMA = 2
ALPHA = np.log(sum(COUNTS) / np.array(COUNTS)) / np.log(sum(COUNTS) / np.array(COUNTS)).max()
EXPECTED_SHIFT = ALPHA * SIGMA * math.sqrt(2 / math.pi)
DECISION = Decision((1.6, 0.6, 0.1, 0.8), 1.1, "tuned", tau=0.6, power=1.0, sharpness=0.2)
OF_GROUPS = Decision((0.4, 0.1, 0.0, 0.2), 0.7, "tuned", tau=0.2)
VERSIONS = {"python": "3.11.9", "blv_trainer": "0.1.0", "torch": "2.13.0", "transformers": "5.23.0"}


def invented_split(size, seed, *, names=NAMES, speakers=True, regions=("JPN", "KOR"), one_level=False):
    """Labels, and logits that follow them; four rows a speaker, who may have one level."""
    rng = np.random.default_rng(seed)
    labels = (
        rng.choice(len(names), size // 4, p=PRIOR).repeat(4) if one_level else rng.choice(len(names), size, p=PRIOR)
    )
    logits = rng.normal(size=(size, len(names))) + np.log(PRIOR)
    logits[np.arange(size), labels] += 2
    logits -= EXPECTED_SHIFT  # what the model learned to counter
    columns = {"text": ["a text"] * size, "label": labels.tolist(), "region": rng.choice(regions, size).tolist()}
    if speakers:
        columns["speaker"] = [f"S{seed}_{k // 4}" for k in range(size)]
    return columns, logits.round(3)


def make_run(folder, *, names=NAMES, loss="blv", split_options=None, **config):
    """What ``blv-trainer train`` leaves, in its order, weights and tokenizer aside."""
    folder.mkdir(parents=True, exist_ok=True)
    described = describe_loss(build_loss(loss, COUNTS, **({"sigma": SIGMA} if loss == "blv" else {})))
    known = {
        "architectures": ["MeanPooledForSequenceClassification"],
        "model_type": "blv-mean-pooled",
        "text_config": {"model_type": "bert"},
        "id2label": dict(enumerate(names)),
        "class_counts": COUNTS,
        "training_loss": described,
        "decision": "raw",
    }
    write_json(folder / "config.json", known | config)
    tables = []
    for split, size, seed in (("validation", 60, 1), ("test", 120, 2)):
        columns, logits = invented_split(size, seed, names=names, **(split_options or {}))
        tables.append(predictions_of_split(Dataset.from_dict(columns), split, prediction_table(logits, names)))
    pq.write_table(pa.concat_tables(tables), folder / "predictions.parquet")
    write_json(folder / METRICS_FILE, {"train": {"train_loss": 0.5}, "test": {"loss": 0.9, "num_rows": 120}})
    settings = {"model_name_or_path": "bert-base-uncased", "num_train_epochs": 20.0, "learning_rate": 1e-5, "seed": 42}
    (folder / "config.yaml").write_text(yaml.safe_dump({**settings, "train_file": "/home/someone/answers.csv"}))
    write_json(folder / "run.json", {"conditions": VERSIONS})
    return folder


def make_decided_run(folder, *splits, tuned_on="folds", group_column="speaker"):
    """What ``blv-trainer train`` leaves of a tuned decision: splits of 240 rows, 60 speakers, one with two levels."""
    make_run(folder, decision=DECISION.to_dict(), group_decision=OF_GROUPS.to_dict())
    found = {}
    for seed, split in enumerate(splits, start=3):
        columns, logits = invented_split(240, seed, one_level=True)
        columns["label"][0] = (columns["label"][1] + 1) % 4
        columns[group_column] = columns.pop("speaker")
        found[split] = Dataset.from_dict(columns), logits
    out_of_fold = None
    if "out_of_fold" in found:  # here with one decision in all folds
        rows, logits = found.pop("out_of_fold")
        scores = DECISION.apply(logits)
        out_of_fold = (rows, logits, scores, by_speaker(rows[group_column][4:], scores[4:], OF_GROUPS))
    measured = {"train": {"epoch": 20.0}, **{split: {"loss": 0.9, "num_rows": 240} for split in found}}
    metrics, found = Decided(Chosen(DECISION, OF_GROUPS), group_column, out_of_fold).judge(measured, found, NAMES)
    tables = [
        predictions_of_split(rows, split, prediction_table(scores, NAMES)) for split, (rows, scores) in found.items()
    ]
    pq.write_table(pa.concat_tables(tables), folder / "predictions.parquet")
    write_json(folder / METRICS_FILE, metrics)
    settings = yaml.safe_load((folder / "config.yaml").read_text()) | {"decision": "tuned"}
    settings |= {"folds": 5} if tuned_on == "folds" else {}
    settings |= {} if group_column == "speaker" else {"group_column": group_column}
    (folder / "config.yaml").write_text(yaml.safe_dump(settings))
    return folder


def by_speaker(speakers, logits, decision):
    """Scores of each speaker, by a plain loop."""
    log_p = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
    return decision.apply(
        [log_p[[own == speaker for own in speakers]].mean(axis=0) for speaker in dict.fromkeys(speakers)]
    )


def written(folder, **options):
    return write_card(folder, num_resamples=500, **options).read_text(encoding="utf-8")


def cells(card, heading):
    """The rows of the table below a heading, by their first cell."""
    section = card.split(f"## {heading}\n")[1].split("\n## ")[0]
    lines = [line for line in section.splitlines() if line.startswith("|")]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    return {row[0]: row[1:] for row in rows[2:]}


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = make_run(tmp_path_factory.mktemp("run") / "out")
    return folder, written(folder, repo_id="someone/levels", datasets="someone/answers")


@pytest.fixture(scope="module")
def test_rows(run):
    table = pq.read_table(run[0] / "predictions.parquet").to_pandas()
    table = table[table["split"] == "test"]
    return table["label"].to_numpy(), np.stack(table["logits"]), table


# ---- Values


def test_metrics_in_the_table_are_those_of_the_predictions(run, test_rows):
    labels, logits, _ = test_rows
    predicted = logits.argmax(axis=1)
    by_class = [(predicted[labels == k] == k).mean() for k in range(4)]
    table = cells(run[1], "Results")
    assert float(table["Accuracy, %"][0]) == pytest.approx(100 * (predicted == labels).mean(), abs=0.005)
    macro = table["Macro accuracy, %"][0]
    assert float(macro) == pytest.approx(100 * np.mean(by_class), abs=0.005)
    assert float(table["RMSE, in classes"][0]) == pytest.approx(math.sqrt(((predicted - labels) ** 2).mean()), abs=5e-5)
    assert float(table["Pearson correlation"][0]) == pytest.approx(np.corrcoef(predicted, labels)[0, 1], abs=5e-5)
    assert len(table) == len(METRICS)
    results = ModelCard(run[1]).data.to_dict()["model-index"][0]["results"]
    (values,) = (result["metrics"] for result in results if result["dataset"]["split"] == "test")
    assert {metric["type"] for metric in values} == set(METRICS) | {"loss"}
    assert values[0]["value"] == pytest.approx((predicted == labels).mean(), abs=1e-6)


def test_the_consistent_column_adds_the_expected_shift(run, test_rows):
    labels, logits, _ = test_rows
    predicted = (logits + EXPECTED_SHIFT).argmax(axis=1)
    shown = cells(run[1], "Results")["Accuracy, %"][2]
    assert float(shown) == pytest.approx(100 * (predicted == labels).mean(), abs=0.005)
    assert [row[2] for row in cells(run[1], "Classes").values()] == [f"{shift:.3f}" for shift in EXPECTED_SHIFT]


def test_intervals_are_near_the_percentiles_over_resampled_speakers(run, test_rows):
    labels, logits, table = test_rows
    right = (logits.argmax(axis=1) == labels).astype(float)
    by_speaker = [right[(table["speaker"] == speaker).to_numpy()] for speaker in table["speaker"].unique()]
    rng = np.random.default_rng(7)
    means = [
        np.concatenate([by_speaker[k] for k in rng.integers(len(by_speaker), size=len(by_speaker))]).mean()
        for _ in range(4000)
    ]
    low, high = (float(end) for end in cells(run[1], "Results")["Accuracy, %"][1].split(" to "))
    assert [low, high] == pytest.approx(100 * np.percentile(means, [2.5, 97.5]), abs=1.5)
    assert "BCa bootstrap intervals (500 resamples of 30 speakers)" in run[1]


def test_without_speakers_rows_are_resampled_and_without_a_dataset_on_the_hub_it_gets_no_results(tmp_path):
    assert "500 resamples of 120 rows" in written(make_run(tmp_path, split_options={"speakers": False}))
    assert not (tmp_path / ".eval_results").exists()


def test_class_table_counts_training_rows_recall_and_predictions(run, test_rows):
    labels, logits, _ = test_rows
    predicted = logits.argmax(axis=1)
    table = cells(run[1], "Classes")
    assert list(table) == NAMES
    for k, name in enumerate(NAMES):
        recall = 100 * (predicted[labels == k] == k).mean()
        share = f"{100 * COUNTS[k] / 900:.1f}"
        rows = [str((labels == k).sum()), f"{recall:.1f}", str((predicted == k).sum())]
        assert [*table[name][:2], *table[name][3:]] == [str(COUNTS[k]), share, *rows]
    tail = [k for k in range(4) if COUNTS[k] < 225]
    recall = 100 * np.mean([(predicted[labels == k] == k).mean() for k in tail])
    assert f"{recall:.1f} % in the tail (3 classes)" in run[1]


def test_subgroups_are_those_of_the_region_column(run, test_rows):
    labels, logits, table = test_rows
    gap = (logits.argmax(axis=1) - labels) / labels.std(ddof=1)
    for region in ("JPN", "KOR"):
        inside = (table["region"] == region).to_numpy()
        row = next(line for line in run[1].splitlines() if line.startswith(f"| region | {region} |"))
        assert row.split("|")[3:5] == [f" {inside.sum()} ", f" {gap[inside].mean():.2f} "]


def test_eval_results_are_read_back_by_the_hubs_client(run):
    entries = parse_eval_result_entries(
        yaml.safe_load((run[0] / ".eval_results" / "someone--answers.yaml").read_text(encoding="utf-8"))
    )
    assert {entry.task_id for entry in entries} == set(METRICS) | {"loss"}
    assert {entry.dataset_id for entry in entries} == {"someone/answers"}
    assert all("test split, 120 rows" in entry.notes for entry in entries)


# ---- What it says


def test_a_run_has_a_picture_and_its_card_passes_the_check(run):
    assert (run[0] / "confusion_matrix.png").read_bytes().startswith(b"\x89PNG")
    assert "ICNALE" not in run[1]
    check_card(run[0])


def test_a_dollar_in_a_label_is_drawn_as_it_is(tmp_path, monkeypatch):
    drawn = []
    monkeypatch.setattr(writing.figures, "as_png", lambda figure: drawn.append(figure) or b"")
    write_card(make_run(tmp_path, names=["A$", *NAMES[1:]]))
    assert drawn[0].axes[0].get_yticklabels()[0].get_text() == r"A\$"  # which matplotlib shows without the backslash


def test_a_folded_decision_is_told_with_its_numbers(tmp_path):
    decision = {"kind": "tuned", "shift": [1.0, 0.5, 0.0, 0.25], "temperature": 1.5, "tau": 0.4}
    card = written(make_run(tmp_path, decision=decision))
    assert "temperature = 1.5; tau = 0.4; shift = A2 +1.000, B1_1 +0.500, B1_2 +0.000, B2 +0.250" in card
    assert "class = argmax_k (logits_k + shift_k)" in card
    assert "shift added back" not in card


@pytest.mark.parametrize(("power", "words"), [(0.5, "0.5."), (1.0, "1, the median."), (2.0, "2, the rounded mean.")])
def test_a_decision_by_cost_is_told_in_words_with_its_formula_and_numbers(tmp_path, power, words):
    decision = Decision((1.0, 0.5, 0.0, 0.25), 1.2, "optimal for qwk", tau=0.5, power=power, sharpness=0.3).to_dict()
    card = written(make_run(tmp_path, decision=decision))
    section = card.split("## Decision\n")[1].split("\n## ")[0]
    assert "A decision by cost (optimal for qwk) comes with the model" in section
    assert f"the class of least expected cost |k - truth|^{words}" in section
    assert f"cost_k = sum_j |k - j|^{power:g} p_j\nclass = argmin_k cost_k" in section
    assert "Here temperature = 1.2; sharpness = 0.3; tau = 0.5; shift = A2 +1.000, B1_1 +0.500" in section
    assert "last layer" not in section
    assert "## Results" in card  # which are no older than the decision
    check_card(tmp_path)


@pytest.mark.parametrize("newer", ["model.safetensors", "config.json"])  # a cost is in the configuration alone
def test_results_older_than_a_folded_decision_are_left_out(tmp_path, caplog, newer):
    decision = {"kind": "consistent", "shift": [1.0, 0.5, 0.0, 0.0], "temperature": 1.0}
    make_run(tmp_path, decision=decision)
    (tmp_path / "model.safetensors").write_bytes(b"")
    for name in {"model.safetensors", "config.json"} - {newer}:
        os.utime(tmp_path / name, (1, 1))
    os.utime(tmp_path / "predictions.parquet", (2, 2))
    card = written(tmp_path)
    assert "## Results" not in card
    assert "model-index" not in card
    assert "is older than the model, into which a decision was folded" in caplog.text


def test_results_older_than_a_configuration_without_a_decision_stay(tmp_path):
    make_run(tmp_path)
    os.utime(tmp_path / "predictions.parquet", (1, 1))
    assert "## Results" in written(tmp_path)


@pytest.mark.parametrize("source", ["dataset", "file", "rows"])
def test_a_model_of_icnale_says_so(tmp_path, source):
    make_run(tmp_path)
    options = {"datasets": "someone/icnale_asa"} if source == "dataset" else {}
    if source == "file":
        (tmp_path / "config.yaml").write_text("train_file: /data/ICNALE_SM/train.parquet\ndataset_name: icnale_asa\n")
    if source == "rows":
        table = pq.read_table(tmp_path / "predictions.parquet")
        ids = [f"SM_JPN_PTJ1_{k:03d}" for k in range(len(table))]
        pq.write_table(table.append_column("id", pa.array(ids)), tmp_path / "predictions.parquet")
    card = written(tmp_path, **options)
    for text in ("speaker's, not this recording's", "ten regions of Asia", "redistribution", "ishikawa2014design"):
        assert text in card, text
    assert "learner-english" in ModelCard(card).data.tags
    assert "datasets" not in ModelCard(card).data.to_dict() or source == "dataset"


def test_a_run_of_a_comparison_shows_the_others(tmp_path):
    run = make_run(tmp_path / "runs" / "blv" / "seed_1")
    interval = {"low": 0.5, "high": 0.6}
    entry = {"title": "BLV | 6", "decision": "raw"}
    entry |= {"test": {metric: {"mean": 0.55} for metric in ("accuracy", "macro_accuracy", "qwk")}}
    entry |= {"intervals": {"accuracy": interval, "macro_accuracy": interval, "qwk": {"low": None, "high": None}}}
    facts = {"seeds": [1, 2], "num_test": 120, "resampled": "speakers", "rows": {"blv raw": entry}}
    write_json(tmp_path / "report" / "results.json", facts)
    card = written(run)
    table = cells(card, "Compared with other losses")
    assert table == {"BLV &#124; 6": ["raw", "55.00 (50.0 to 60.0)", "55.00 (50.0 to 60.0)", "0.5500"]}


# ---- The decision that training tuned


def test_the_largest_logit_stands_beside_what_the_model_decides(tmp_path):
    card = written(make_decided_run(tmp_path, "test", "out_of_fold"), datasets="someone/answers")
    columns, logits = invented_split(240, 3, one_level=True)
    labels = np.array(columns["label"])
    labels[0] = (labels[1] + 1) % 4
    for metric, measure in {
        "Accuracy, %": lambda predicted: 100 * (predicted == labels).mean(),
        "Macro accuracy, %": lambda predicted: 100 * np.mean([(predicted[labels == k] == k).mean() for k in range(4)]),
    }.items():
        decided, interval, raw, better = cells(card, "Results")[metric]
        assert float(decided) == pytest.approx(measure(DECISION.apply(logits).argmax(axis=1)), abs=0.005)
        assert float(raw) == pytest.approx(measure(logits.argmax(axis=1)), abs=0.005)
        low, high = map(float, interval.split(" to "))
        assert low < float(decided) < high
        assert better == "higher"
    assert "| metric | as decided | 95 % interval | largest logit | better |" in card
    assert "On the 240 rows of the test split; intervals" in card
    assert "shift added back" not in card


def test_whole_groups_have_a_table_with_intervals_over_groups(tmp_path):
    card = written(make_decided_run(tmp_path, "test", group_column="learner"))
    columns, logits = invented_split(240, 3, one_level=True)
    labels, speakers = columns["label"][4::4], columns["speaker"][4:]  # the first has two levels
    decided = by_speaker(speakers, DECISION.apply(logits)[4:], OF_GROUPS).argmax(axis=1)
    raw = by_speaker(speakers, logits[4:], Decision((0.0,) * 4)).argmax(axis=1)
    shown, interval, largest, _ = cells(card, "Whole groups")["Accuracy, %"]
    assert float(shown) == pytest.approx(100 * (decided == labels).mean(), abs=0.005)
    assert float(largest) == pytest.approx(100 * (raw == labels).mean(), abs=0.005)
    low, high = map(float, interval.split(" to "))
    assert low < float(shown) < high
    assert list(cells(card, "Whole groups")) == [METRICS[name].title for name in OF_GROUPS_SHOWN]
    assert "The rows of one learner joined into one level" in card
    assert "59 groups with one label, which the intervals are drawn over" in card
    assert "500 resamples of 60 groups) and answer what other groups of the same kind" in card


def test_cross_validated_results_are_what_the_card_is_about_where_there_is_no_test_split(tmp_path):
    card = written(make_decided_run(tmp_path, "out_of_fold"), datasets="someone/answers")
    assert "By cross-validation on all 240 rows: each was judged by a model trained on the other folds, with a" in card
    assert "not by this very model" in card
    _, logits = invented_split(240, 3, one_level=True)
    predicted = np.bincount(DECISION.apply(logits).argmax(axis=1), minlength=4)
    assert [int(row[-1]) for row in cells(card, "Classes").values()] == predicted.tolist()
    shown, interval, *_ = cells(card, "Whole groups")["Accuracy, %"]
    low, high = map(float, interval.split(" to "))
    assert low < float(shown) < high
    (result,) = ModelCard(card).data.to_dict()["model-index"][0]["results"]
    assert result["dataset"]["split"] == "out-of-fold"
    assert {metric["name"].rpartition(", ")[2] for metric in result["metrics"]} == {"cross-validated"}
    assert not (tmp_path / ".eval_results").exists()
    check_card(tmp_path)


def test_the_index_holds_splits_as_decided_and_nothing_beside_them(tmp_path):
    card = written(make_decided_run(tmp_path, "test", "out_of_fold"), datasets="someone/answers")
    results = ModelCard(card).data.to_dict()["model-index"][0]["results"]
    shown = {result["dataset"]["split"]: result["metrics"][0] for result in results}
    assert list(shown) == ["test", "out-of-fold"]
    metrics = json.loads((tmp_path / METRICS_FILE).read_text())
    assert shown["test"]["value"] == pytest.approx(metrics["test"]["accuracy"], abs=1e-6)
    assert shown["out-of-fold"]["value"] == pytest.approx(metrics["out_of_fold"]["accuracy"], abs=1e-6)
    assert (shown["test"]["name"], shown["out-of-fold"]["name"]) == ("accuracy", "accuracy, cross-validated")
    assert "By cross-validation on the training rows, by other models than this one (240 rows): Acc %" in card
    notes = (tmp_path / ".eval_results" / "someone--answers.yaml").read_text()
    assert "test split, 240 rows" in notes
    assert "fold" not in notes


@pytest.mark.parametrize(
    ("splits", "tuned_on", "words"),
    [
        (["validation"], "validation", "the validation rows, for macro accuracy, QWK and macro RMSE together"),
        (["test"], "folds", "out-of-fold logits, which each row of training got from a model that saw neither it nor"),
    ],
)
def test_the_card_says_on_what_a_decision_was_tuned_and_how_groups_are_decided(tmp_path, splits, tuned_on, words):
    card = written(make_decided_run(tmp_path, *splits, tuned_on=tuned_on))
    section = card.split("## Decision\n")[1].split("\n## ")[0]
    assert f"It was chosen on {words}" in section
    assert (
        "by `config.group_decision`, chosen alike: the largest probability, with temperature = 0.7; tau = 0.2; shift ="
        in section
    )
    assert "shift = A2 +0.400, B1_1 +0.100, B1_2 +0.000, B2 +0.200.\n" in section
    assert ("on which the decision was chosen, too, so expect somewhat less" in card) is (tuned_on == "validation")


def test_the_code_that_a_card_shows_gives_expected_scores_in_the_units_of_levels_that_are_numbers(tmp_path):
    names = ["1", "1.5", "2", "3"]
    write_card(make_run(tmp_path, names=names), num_resamples=10)
    code = (tmp_path / "README.md").read_text(encoding="utf-8").split("print(scores[0])")[1].split("```")[0]
    printed = []
    scores = [{"label": name, "score": 0.25} for name in names]
    exec("\n".join(code.splitlines()[1:]), {"scores": scores, "print": printed.append})
    assert printed == [pytest.approx(1.875)]


def test_a_decision_tuned_elsewhere_is_not_said_to_be_tuned_on_the_validation_rows(tmp_path):
    card = written(make_run(tmp_path, decision=DECISION.to_dict()))
    assert "A decision by cost (tuned)" in card
    assert "It was chosen on" not in card


def test_what_evaluate_wrote_has_groups_and_human_raters_but_no_largest_logit(tmp_path):
    make_decided_run(tmp_path, "test")
    metrics = json.loads((tmp_path / METRICS_FILE).read_text())
    human = {"accuracy": 0.6, "num_rows": 20}
    write_json(
        tmp_path / METRICS_FILE, {"test": metrics["test"] | {"human": human}, "test_by_group": metrics["test_by_group"]}
    )
    card = written(tmp_path)
    assert "largest logit" not in card
    assert len(cells(card, "Whole groups")["Accuracy, %"]) == 3
    assert "| metric | value | 95 % interval | human raters | better |" in card
    assert [cells(card, "Results")[METRICS[name].title][2] for name in ("accuracy", "qwk")] == ["60.00", "-"]
    assert "Human raters: each against each other, mean over pairs." in card


def test_subgroups_are_of_the_columns_that_are_named(tmp_path):
    folder = make_decided_run(tmp_path, "test", group_column="learner")
    assert "Subgroups" in written(folder)  # of the column region
    (folder / "evaluate.yaml").write_text("group_column: learner\nsubgroup_columns: [learner]\n")
    assert set(cells(written(folder), "Subgroups")) == {"learner"}
    assert set(cells(written(folder, subgroup_columns=["region"]), "Subgroups")) == {"region"}
    with pytest.raises(ValueError, match="subgroup_columns='regoin' is no column of the predictions .* Choose from: "):
        write_card(folder, subgroup_columns=["regoin"])
    with pytest.raises(ValueError, match="is there already, and its text stays: remove it to have subgroup_columns"):
        amend_card(folder, "someone/model", subgroup_columns=["region"])


@pytest.mark.parametrize("loss", ["logit_adjustment", "focal"])
def test_a_shift_is_added_back_only_where_training_holds_rare_classes_down(tmp_path, loss):
    assert "shift added back" not in written(make_run(tmp_path, loss=loss))


def test_a_winner_shows_its_comparison_with_groups_and_decisions_in_words(tmp_path):
    def entry(value):
        test = {metric: {"mean": value} for metric in ("accuracy", "macro_accuracy", "qwk")}
        return {"title": "BLV", "decision": "consistent", "test": test, "intervals": {}}

    facts = {"seeds": [1], "num_test": 240, "num_folds": 5, "resampled": "speakers"}
    facts |= {"rows": {"blv consistent": entry(0.5)}, "by_group": {"blv consistent": entry(0.625)}}
    facts["human"] = {"accuracy": 0.75, "macro_accuracy": 0.5, "qwk": 0.25, "num_rows": 20}
    write_json(tmp_path / "report" / "results.json", facts)
    card = written(make_run(tmp_path / "winner"))
    section = card.split("## Compared with other losses\n")[1].split("\n## ")[0]
    assert "on 240 rows, each tested once a seed in 5 folds, of the comparison" in section
    single, groups = section.split("Whole groups, the rows of each joined into one level:")
    assert "| BLV | shift added back | 50.00 | 50.00 | 0.5000 |" in single
    assert "| human raters | among themselves | 75.00 | 50.00 | 0.2500 |" in single
    assert "| BLV | shift added back | 62.50 | 62.50 | 0.6250 |" in groups


# ---- What is missing


def test_a_bare_model_has_a_card_without_results(tmp_path):
    write_json(tmp_path / "config.json", {"model_type": "bert", "id2label": {"0": "no", "1": "yes"}})
    card = written(tmp_path)
    for heading in ("Results", "Classes", "Subgroups", "Training", "Decision", "Versions"):
        assert f"## {heading}\n" not in card
    assert "import blv_trainer" not in card
    assert "Tells which of 2 ordered classes" in card
    check_card(tmp_path)


def test_metrics_alone_give_a_table_without_intervals(tmp_path):
    make_run(tmp_path)
    (tmp_path / "predictions.parquet").unlink()
    write_json(tmp_path / METRICS_FILE, {"test": {"accuracy": 0.5, "pcc": math.nan, "my_score": 3.25, "runtime": 9.0}})
    card = written(tmp_path)
    assert cells(card, "Results")["Accuracy, %"] == ["50.00", "higher"]
    assert cells(card, "Results")["Pearson correlation"] == ["-", "higher"]
    assert "Also: my_score 3.25." in card
    (result,) = ModelCard(card).data.to_dict()["model-index"][0]["results"]
    assert {metric["type"] for metric in result["metrics"]} == {"accuracy", "my_score"}


def test_an_adapter_says_what_it_goes_on_top_of(tmp_path):
    make_run(tmp_path)
    (tmp_path / "config.json").unlink()
    write_json(tmp_path / "adapter_config.json", {"base_model_name_or_path": "/home/someone/bert"})
    card = written(tmp_path)
    assert 'PeftModel.from_pretrained(base, "path/to/this/folder")' in card
    assert "id2label=dict(enumerate(labels))" in card
    assert "labels = ['A2', 'B1_1', 'B1_2', 'B2']" in card
    assert ModelCard(card).data.library_name == "peft"
    assert "/home" not in card


def test_a_folder_without_a_model_is_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match="holds neither config.json nor adapter_config.json"):
        write_card(tmp_path)


# ---- What must not get in


@pytest.mark.parametrize("option", ["base_model", "datasets"])
@pytest.mark.parametrize("path", ["/home/someone/bert", "bert/../x", "here"])
def test_a_path_in_place_of_a_name_is_refused(tmp_path, monkeypatch, option, path):
    monkeypatch.chdir(tmp_path)
    make_run(tmp_path / "here")
    with pytest.raises(ValueError, match=f"{option}={path!r} is no name on the Hub"):
        write_card(tmp_path / "here", **{option: path})


@pytest.mark.parametrize("path", ["/home/someone/bert", "models/bert", "..\\bert"])
def test_a_path_in_config_yaml_is_left_out(tmp_path, path):
    (tmp_path / "models" / "bert").mkdir(parents=True)
    folder = make_run(tmp_path / "out")
    (folder / "config.yaml").write_text(yaml.safe_dump({"model_name_or_path": path, "dataset_name": path}))
    data = ModelCard(written(folder)).data.to_dict()
    assert "base_model" not in data
    assert "datasets" not in data


def test_no_path_of_this_machine_is_in_any_file_written(run):
    for path in [run[0] / "README.md", *(run[0] / ".eval_results").iterdir()]:
        text = path.read_text(encoding="utf-8")
        assert str(run[0]) not in text
        assert "/home/someone" not in text
        assert "answers.csv" not in text


HOSTILE = ["<script>alert(1)</script>", "| a | b", ": x\n---\n- y", "![p](x.png) $$x$$ `c` **b** \\(z\\)"]


def test_labels_and_groups_of_any_kind_break_neither_table_nor_metadata(tmp_path):
    markdown = pytest.importorskip("markdown")
    make_run(tmp_path, names=HOSTILE, split_options={"regions": ("<img src=x onerror=y>", "a|b\n# c")})
    card = written(tmp_path, model_name="a: b\n---\n# <c>", dataset_name=HOSTILE[2], repo_id="someone/levels")
    check_card(tmp_path)
    page = markdown.markdown(ModelCard(card).text, extensions=["tables", "fenced_code"])
    assert "<script>" not in page
    assert "<img src=x" not in page
    shown = {" ".join(name.split()) for name in HOSTILE}
    table = page.split("<h2>Classes</h2>")[1].split("</table>")[0]
    rows = [row.split("<td") for row in table.split("<tr>")[2:]]
    assert {len(row) for row in rows} == {8}
    assert {html.unescape(row[1].split(">", 1)[1].split("</td>")[0]) for row in rows} == shown
    assert page.count("<h1>") == 1


def test_a_card_written_without_a_name_gets_it_later_with_metadata_and_keeps_its_text(tmp_path):
    make_run(tmp_path)
    card = written(tmp_path)
    amend_card(tmp_path, "someone/levels", license="mit", language="de", tags=["speech"])
    amended = (tmp_path / "README.md").read_text(encoding="utf-8")
    assert amended.split("\n---\n")[1] == card.split("\n---\n")[1].replace("path/to/this/folder", "someone/levels")
    before, after = ModelCard(card).data.to_dict(), ModelCard(amended).data.to_dict()
    assert after == before | {"license": "mit", "language": "de", "tags": [*before["tags"], "speech"]}
    with pytest.raises(ValueError, match="Repo id must use alphanumeric chars"):
        amend_card(tmp_path, "/x")
    with pytest.raises(ValueError, match="a path of this machine tells others nothing"):
        amend_card(tmp_path, "someone/levels", base_model="/data/bert")


# ---- The rendered example

REWRITE = "BLV_WRITE_EXAMPLE"  # an environment variable


def test_the_example_is_what_the_template_gives(tmp_path):
    run = make_decided_run(tmp_path / "out", "test", "out_of_fold")
    write_card(run, repo_id="example/levels", datasets="example/invented-answers")
    card = (tmp_path / "out" / "README.md").read_text(encoding="utf-8")
    if os.environ.get(REWRITE):
        EXAMPLE.write_text(card, encoding="utf-8", newline="\n")
        shutil.copy(tmp_path / "out" / "confusion_matrix.png", EXAMPLE.parent)
    assert EXAMPLE.with_name("confusion_matrix.png").is_file()
    assert EXAMPLE.read_text(encoding="utf-8") == card, (
        f"{EXAMPLE.name} and template.md are out of step. To write the example anew: {REWRITE}=1 python -m pytest "
        "tests/hub/card/test_writing.py -k example"
    )
