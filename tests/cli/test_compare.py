"""``blv-trainer compare`` on the command line: one command, killed and given again; what it refuses."""

import csv
import html
import json
import logging
import re
from collections import Counter

import pytest
import soundfile
import yaml

from blv_trainer.cli import main
from blv_trainer.cli.compare import parse
from blv_trainer.cli.labelled_data import parse_weights
from blv_trainer.prediction import load_classifier
from blv_trainer.run_folder import read_predictions

QUICK = [
    *["compare", "--preset", "demo", "--num_speakers", "20", "--num_train_epochs", "2", "--max_length", "32"],
    *["--seeds", "1", "--use_cpu", "--methods", "cross_entropy", "blv:sigma=2"],
    *["--num_resamples", "200", "--tsne_rows", "0"],
]
QUICKLY = "--methods focal --num_resamples 50 --seeds 1 --tsne_rows 0"
TABLES = ("table.md", "table.csv", "results.json")


def tables(folder):
    return {name: (folder / "report" / name).read_bytes() for name in TABLES}


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    folder = tmp_path_factory.mktemp("compare") / "whole"
    assert main([*QUICK, "--output_dir", str(folder)]) == 0
    return folder


def test_loggers_that_were_quiet_while_it_ran_speak_again(finished):
    assert logging.getLogger("blv_trainer.training.evaluation_by_class").level == logging.NOTSET


def test_one_command_leaves_runs_report_and_settings(finished, capsys):
    assert (finished / "report" / "report.html").is_file()
    settings = yaml.safe_load((finished / "config.yaml").read_text())
    assert settings["methods"] == ["cross_entropy", "blv:sigma=2"]
    assert settings["num_train_epochs"] == 2
    before = tables(finished)
    assert main(["compare", "--config", str(finished / "config.yaml"), "--report_only"]) == 0
    assert tables(finished) == before
    printed = capsys.readouterr().out
    assert f"blv-trainer train --config {finished / 'winner.yaml'}" in printed
    rows = [line.split()[0] for line in printed.splitlines() if line.startswith(("cross-entropy", "BLV"))]
    assert len(rows) == 2 * 5  # raw and tuned, for BLV with its shift added back as well; answers and speakers


def write_levels(path, num_rows=160, *, levels=("2", "10"), speaker=lambda k: f"s{k // 4}"):
    """Answers of speakers with four answers each, a quarter of whom have the higher level, and say so; two raters."""
    with open(path, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["answer", "cefr", "who", "first", "second", "school"])
        for k in range(num_rows):
            level = levels[k // 4 % 4 == 0]
            text = f"{'well, however' if level == levels[1] else 'um'} I think number {k}"
            writer.writerow([text, level, speaker(k), level, levels[0], ("north", "south")[k // 4 % 2]])
    return path


def own_words(path, encoder, out, *more):
    words = f"compare --train_file {path} --text_column answer --label_column cefr --group_column who --freeze_encoder"
    words += f" --use_cpu --model_name_or_path {encoder} --output_dir {out} --num_train_epochs 3 --num_resamples 100"
    return [*f"{words} --methods cross_entropy logit_adjustment --seeds 1 --tsne_rows 0 --fp16 false".split(), *more]


def test_without_test_rows_own_rows_are_cross_validated_and_the_winner_is_trained_on_all(finished, tmp_path, capsys):
    path, out = write_levels(tmp_path / "levels.csv"), tmp_path / "out"
    words = own_words(path, finished / "encoder", out, "--tune_for", "qwk", "--rater_columns", "first", "second")
    words += ["--subgroup_columns", "school"]
    assert main(words) == 0
    printed = capsys.readouterr().out
    assert "levels.csv: 160 rows in 5 folds" in printed
    assert "Whole groups (who), 40:" in printed
    assert "human raters" in printed
    analysis = json.loads((out / "report" / "results.json").read_text())
    assert (analysis["label_names"], analysis["num_groups"], analysis["resampled"]) == (["2", "10"], 40, "groups")
    assert (analysis["tuned_for"], analysis["at_least"]) == ({"qwk": 1.0}, {})
    assert yaml.safe_load((out / "config.yaml").read_text())["folds"] == 5
    settings = yaml.safe_load((out / "winner.yaml").read_text())
    assert (settings["group_column"], settings["folds"]) == ("who", 5)
    assert settings.get("tune_for") == (["qwk"] if settings["decision"] == "tuned" else None)
    made = {path: path.stat().st_mtime_ns for path in out.glob("winner/folds/*/predictions.parquet")}
    assert len(made) == 5
    assert main(["train", "--config", str(out / "winner.yaml")]) == 0
    assert {path: path.stat().st_mtime_ns for path in made} == made  # none was made again
    metrics = json.loads((out / "winner" / "metrics.json").read_text())
    chosen = analysis["rows"][analysis["chosen"]]["test"]
    assert metrics["out_of_fold"]["qwk"] == pytest.approx(chosen["qwk"]["mean"])
    assert metrics["out_of_fold_by_group"]["num_rows"] == 40
    assert len(load_classifier(str(out / "winner"))[0].config.id2label) == 2
    for page in (out / "report" / "report.html", out / "winner" / "report" / "report.html"):
        assert re.findall(r"<td>(school \w+)</td>", page.read_text())[:2] == ["school north", "school south"]


@pytest.mark.parametrize(
    ("verb", "flags", "folders"),
    [
        ("compare", f"--folds 0 {QUICKLY}", "out/runs/focal/seed_1"),
        ("compare", f"--folds 3 {QUICKLY}", "out/runs/focal/seed_1/fold_*"),
        ("train", "", "out"),
        ("train", "--folds 3 --load_best_model_at_end --eval_strategy epoch --save_strategy epoch", "out/folds/*"),
    ],
)
def test_groups_stay_whole_wherever_rows_are_split(finished, tmp_path, verb, flags, folders):
    path, out = write_levels(tmp_path / "levels.csv"), tmp_path / "out"
    words = f"{verb} --train_file {path} --text_column answer --label_column cefr --group_column who --freeze_encoder"
    words += f" --use_cpu --fp16 false --disable_tqdm true --model_name_or_path {finished / 'encoder'}"
    assert main(f"{words} --num_train_epochs 1 --output_dir {out} {flags}".split()) == 0
    found = [split for folder in tmp_path.glob(folders) for split in read_predictions(folder).values()]
    assert found
    for split in found:
        assert {*Counter(split.columns["who"]).values()} == {4}  # as many answers as each speaker gave


def test_speakers_who_all_have_two_levels_are_told_and_not_judged(finished, tmp_path, capsys):
    path = write_levels(tmp_path / "levels.csv", 40, speaker=lambda k: f"s{k % 2}")
    assert main(own_words(path, finished / "encoder", tmp_path / "out", "--folds", "2", "--methods", "focal")) == 0
    printed = capsys.readouterr()
    note = "2 of 2 groups of the column 'who' have more than one label, such as 's0': whole groups are judged without"
    assert note in printed.err
    assert note in html.unescape((tmp_path / "out" / "report" / "report.html").read_text())
    assert "Whole groups" not in printed.out


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--folds", "41"], "--folds 41 is not possible with 40 groups (who): give a number from 2 to 40, or 0 and a"),
        (["--folds", "1"], "--folds 1 is not possible with 40 groups (who): give a number from 2"),
        (["--test_file", "{path}"], "--folds 2 tests every row, so there is no use for test rows: add them to --train"),
        (["--group_column", "whom"], "has no group column 'whom'"),
        (["--subgroup_columns", "shcool"], "shcool: the data have no such column. Choose from: who, first, seco"),
        (["--decision", "raw"], "--decision is a flag of train; compare shows every decision."),
        (["--rater_columns", "first"], "--rater_columns first is one rater, and agreement needs two: name a column"),
        (["--rater_columns", "first", "answer"], "is none of the levels"),
        (["--label_order", "2", "10", "11"], "class 2 ('11') has no training example, so loss='blv' is undefined"),
    ],
)
def test_what_cannot_be_cross_validated_is_one_sentence_before_the_first_run(
    finished, tmp_path, capsys, flags, message
):
    path = write_levels(tmp_path / "levels.csv")
    words = own_words(path, finished / "encoder", tmp_path / "out", "--folds", "2", "--methods", "emd", "blv")
    assert main([*words, *(flag.format(path=path) for flag in flags)]) == 2
    assert message in capsys.readouterr().err.strip().splitlines()[-1]
    assert not (tmp_path / "out" / "runs").exists()


@pytest.mark.filterwarnings("ignore:.* test speakers also stand in train:UserWarning")
def test_the_corpus_is_split_as_the_preset_says(tmp_path, finished):
    from blv_trainer.corpora.synthetic import write_corpus

    corpus = write_corpus(tmp_path / "corpus", 30, seed=1).folder
    for preset, leak in (("paper", True), ("robust", False)):
        out = tmp_path / preset
        words = (
            f"compare --preset {preset} --data_dir {corpus} --output_dir {out} --freeze_encoder --num_train_epochs 1"
        )
        words += f" --model_name_or_path {finished / 'encoder'} --use_cpu --fp16 false --seeds 1 --methods focal"
        words += " --num_resamples 100 --tsne_rows 0"
        assert main(words.split()) == 0
        page = (out / "report" / "report.html").read_text()
        assert ("test speakers are in train as well" in page) is leak


def test_recordings_without_a_transcript_are_transcribed_first(tmp_path, monkeypatch):
    from blv_trainer.cli.labelled_data import load_data
    from blv_trainer.corpora.synthetic import write_corpus

    class Listener:
        def __init__(self, model, *, language):
            self.model = model

        def describe(self):
            return {"backend": "listener", "model": self.model}

        def transcribe(self, files):
            for name, _ in files:
                yield name, {"text": f" {self.model} heard {name}", "segments": [], "language": "en"}

    monkeypatch.setattr("blv_trainer.asr.whisper.OpenAIWhisper", Listener)
    corpus = write_corpus(tmp_path / "corpus", 12, has_audio=True).folder
    for path in corpus.rglob("*.mp3"):
        soundfile.write(path, [0.0] * 1_600, 16_000)
    words = f"--data_dir {corpus} --transcripts whisper --whisper_model tiny --output_dir {tmp_path / 'out'}"
    _, (_, corpus_args, data_args, *_), settings = parse(words.split())
    data = load_data(corpus_args, data_args, seed=settings["seed"], hold_out=False)
    assert data.group_column == "speaker"
    texts = [text for rows in data.dataset.values() for text in rows["text"]]
    assert texts
    assert all(text.startswith("tiny heard") for text in texts)


# ---- Settings


def test_presets_fill_what_no_flag_or_file_says(tmp_path):
    words = ["--preset", "paper", "--output_dir", str(tmp_path)]
    _, (compare_args, corpus_args, _, decision_args, model_args), settings = parse(words)
    assert (settings["per_device_train_batch_size"], settings["gradient_accumulation_steps"]) == (4, 2)
    assert (settings["num_train_epochs"], settings["learning_rate"]) == (20, 1e-5)
    assert (model_args.model_name_or_path, model_args.classifier_dropout) == ("bert-base-uncased", 0.1)
    assert (corpus_args.split_by, compare_args.seeds, decision_args.folds) == ("sample", [42], 0)
    _, (compare_args, corpus_args, _, decision_args, _), _ = parse(["--preset", "robust", "--output_dir", "x"])
    assert (corpus_args.split_by, decision_args.folds) == ("speaker", None)
    assert len(compare_args.seeds) == 5
    assert compare_args.methods[-1] == "sord"
    (tmp_path / "a.yaml").write_text("preset: paper\nlearning_rate: 2e-5\nnum_train_epochs: 7\n")
    words = ["--config", str(tmp_path / "a.yaml"), "--num_train_epochs", "3", "--output_dir", str(tmp_path)]
    settings = parse(words)[2]
    assert settings["learning_rate"] == 2e-5  # the file over the preset
    assert settings["num_train_epochs"] == 3  # the flag over the file
    assert settings["gradient_accumulation_steps"] == 2  # the preset


@pytest.mark.parametrize("preset", ["paper", "robust", "quick", "demo"])
def test_help_shows_the_defaults_that_a_preset_uses(preset, capsys):
    assert main(["compare", "--preset", preset, "--help"]) == 0
    printed = "".join(capsys.readouterr().out.split())  # the lines break at hyphens too
    _, (compare_args, *_, model_args), settings = parse(["--preset", preset, "--output_dir", "x"])
    for shown in (
        f"One run of each method for each seed. [{' '.join(map(str, compare_args.seeds))}]",
        f"Total number of training epochs to perform. [{settings['num_train_epochs']}]",
        f"The initial learning rate for the optimizer. [{settings['learning_rate']}]",
        f"a Hub id or a folder. [{model_args.model_name_or_path}]",
    ):
        assert shown.replace(" ", "") in printed


def test_weights_of_the_tuning_are_read():
    assert parse_weights(["qwk", "accuracy=2"]) == {"qwk": 1.0, "accuracy": 2.0}
    assert parse_weights(None) is parse_weights(["balanced"]) is None
    for words, message in ((["ece"], "ece judges probabilities"), ([], "is empty: name one metric or more")):
        with pytest.raises(ValueError, match=message):
            parse_weights(words)


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--methods", "focal", "focal"], "method 'focal' is given twice"),
        (["--loss", "focal"], "compare takes --methods"),
        (["--push_to_hub"], "--push_to_hub is a flag of train; compare publishes nothing."),
        (["--resume_from_checkpoint", "x"], "the same command goes on where it was interrupted"),
        (["--tune_for", "qvk"], "--tune_for 'qvk' is unknown.* Did you mean 'qwk'?"),
        (["--num_train_epochs", "3"], "was made with --num_train_epochs 2.0, now TrainingArguments' default"),
    ],
)
def test_misuse_is_one_sentence(finished, capsys, flags, message):
    before = tables(finished), (finished / "config.yaml").read_text()
    capsys.readouterr()
    assert main([*QUICK, "--output_dir", str(finished), *flags]) == 2
    line = capsys.readouterr().err.strip().splitlines()[-1]
    assert all(part in line for part in message.split(".* "))
    assert (tables(finished), (finished / "config.yaml").read_text()) == before


def test_the_folder_of_a_single_run_is_left_alone(tmp_path, capsys):
    (tmp_path / "config.yaml").write_text("loss: blv\n")
    (tmp_path / "metrics.json").write_text("{}")
    assert main([*QUICK, "--output_dir", str(tmp_path)]) == 2
    assert f"{tmp_path} holds a single run (metrics.json), no comparison: choose another" in capsys.readouterr().err
    assert (tmp_path / "config.yaml").read_text() == "loss: blv\n"


def test_without_data_it_says_what_to_give(tmp_path, capsys):
    assert main(["compare", "--output_dir", str(tmp_path)]) == 2
    assert "give a --train_file" in capsys.readouterr().err
