"""``blv-trainer compare`` on the command line: one command, killed and given again; what it refuses."""

import csv
import logging

import pytest
import soundfile
import yaml

from blv_trainer.cli import main
from blv_trainer.cli.compare import parse, parse_weights

QUICK = [
    *["compare", "--preset", "demo", "--num_speakers", "20", "--num_train_epochs", "2", "--max_length", "32"],
    *["--seeds", "1", "--use_cpu", "--methods", "cross_entropy", "blv:sigma=2"],
    *["--num_resamples", "200", "--tsne_rows", "0"],
]
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
    assert "Chosen on validation: " in printed
    rows = [line.split()[0] for line in printed.splitlines() if line.startswith(("cross-entropy", "BLV"))]
    assert len(rows) == 5  # raw and tuned; for BLV consistent as well


def test_own_rows_are_split_and_compared(finished, tmp_path):
    path = tmp_path / "levels.csv"
    with open(path, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["answer", "cefr", "speaker"])
        for k in range(160):
            level = ("A2", "B1")[k // 4 % 4 == 0]
            writer.writerow([f"{'well, however' if level == 'B1' else 'um'} I think number {k}", level, f"s{k // 4}"])
    words = f"compare --train_file {path} --text_column answer --label_column cefr --freeze_encoder --use_cpu"
    words += f" --model_name_or_path {finished / 'encoder'} --output_dir {tmp_path / 'out'} --num_train_epochs 3"
    words += " --methods cross_entropy logit_adjustment --seeds 1 2 --num_resamples 100 --tsne_rows 0 --fp16 false"
    assert main(words.split()) == 0
    page = (tmp_path / "out" / "report" / "report.html").read_text()
    assert "levels.csv: 128 train, 16 validation, 16 test" in " ".join(page.split())
    assert "speakers disjoint" in page
    assert "16 samples" not in page  # speakers were resampled


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
    from blv_trainer.cli.compare import load_data
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
    compare_args, data_args, _, training_args = parse(words.split())
    dataset, *_ = load_data(compare_args, data_args, training_args)
    texts = [text for rows in dataset.values() for text in rows["text"]]
    assert texts
    assert all(text.startswith("tiny heard") for text in texts)


# ---- Settings


def test_presets_fill_what_no_flag_or_file_says(tmp_path):
    compare_args, _, model_args, training_args = parse(["--preset", "paper", "--output_dir", str(tmp_path)])
    assert (training_args.per_device_train_batch_size, training_args.gradient_accumulation_steps) == (4, 2)
    assert (training_args.num_train_epochs, training_args.learning_rate) == (20, 1e-5)
    assert (model_args.model_name_or_path, model_args.classifier_dropout) == ("bert-base-uncased", 0.1)
    assert (compare_args.split_by, compare_args.seeds) == ("sample", [42])
    compare_args, *_ = parse(["--preset", "robust", "--output_dir", str(tmp_path)])
    assert compare_args.split_by == "speaker"
    assert len(compare_args.seeds) == 5
    (tmp_path / "a.yaml").write_text("preset: paper\nlearning_rate: 2e-5\nnum_train_epochs: 7\n")
    words = ["--config", str(tmp_path / "a.yaml"), "--num_train_epochs", "3", "--output_dir", str(tmp_path)]
    _, _, _, training_args = parse(words)
    assert training_args.learning_rate == 2e-5  # the file over the preset
    assert training_args.num_train_epochs == 3  # the flag over the file
    assert training_args.gradient_accumulation_steps == 2  # the preset


def test_weights_of_the_tuning_are_read():
    assert parse_weights(["qwk", "accuracy=2"]) == {"qwk": 1.0, "accuracy": 2.0}
    assert parse_weights(None) is None
    with pytest.raises(ValueError, match="--tune_for qwk=much: 'much' is no number"):
        parse_weights(["qwk=much"])


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--methods", "bvl"], "method 'bvl': loss='bvl' is unknown. Choose from: blv, "),
        (["--methods", "focal", "focal"], "method 'focal' is given twice"),
        (["--loss", "focal"], "compare takes --methods"),
        (["--resume_from_checkpoint", "x"], "the same command goes on where it was interrupted"),
        (["--preset", "demmo"], "argument --preset: invalid choice: 'demmo'"),
        (["--sedes", "1"], "unrecognized arguments: --sedes 1. Did you mean --seeds?"),
        (["--tune_for", "qvk"], "metric='qvk' is unknown.* Did you mean 'qwk'?"),
        (["--num_train_epochs", "3"], "was made with num_train_epochs=2.0, now TrainingArguments' default"),
    ],
)
def test_misuse_is_one_sentence(finished, capsys, flags, message):
    before = tables(finished), (finished / "config.yaml").read_text()
    capsys.readouterr()
    assert main([*QUICK, "--output_dir", str(finished), *flags]) == 2
    line = capsys.readouterr().err.strip().splitlines()[-1]
    assert all(part in line for part in message.split(".* "))
    assert (tables(finished), (finished / "config.yaml").read_text()) == before


def test_an_unknown_metric_to_tune_for_is_refused_before_the_first_run(tmp_path, capsys):
    assert main([*QUICK, "--output_dir", str(tmp_path / "new"), "--tune_for", "qvk"]) == 2
    assert "metric='qvk' is unknown" in capsys.readouterr().err
    assert not (tmp_path / "new").exists()


def test_the_folder_of_a_single_run_is_left_alone(tmp_path, capsys):
    (tmp_path / "config.yaml").write_text("loss: blv\n")
    (tmp_path / "metrics.json").write_text("{}")
    assert main([*QUICK, "--output_dir", str(tmp_path)]) == 2
    assert f"{tmp_path} holds a single run (metrics.json), no comparison: choose another" in capsys.readouterr().err
    assert (tmp_path / "config.yaml").read_text() == "loss: blv\n"


def test_without_data_it_says_what_to_give(tmp_path, capsys):
    assert main(["compare", "--output_dir", str(tmp_path)]) == 2
    assert "give a train_file" in capsys.readouterr().err
