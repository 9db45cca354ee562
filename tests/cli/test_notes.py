"""What stands on stderr: our words, a line each, each once, naming flags."""

import logging
import subprocess
import sys
import warnings

import pytest

from blv_trainer.cli import flags_of_verb, main
from blv_trainer.cli.notes import naming_flags, notes_on_stderr


def named(verb, message):
    return naming_flags(message, lambda: flags_of_verb(verb))


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ("max_length=0 cannot be used: give a number", "--max_length 0 cannot be used: give a number"),
        ("loss='bvl' is unknown. Choose from: blv", "--loss 'bvl' is unknown. Choose from: blv"),
        ("metric={} is empty: another metric=", "--tune_for {} is empty: another --tune_for "),
        ("a metric of 2", None),
        ("Give label_order to set another.", "Give --label_order to set another."),
        ("by label (validation_fraction=0.1, seed=42).", "by label (--validation_fraction 0.1, --seed 42)."),
        ("give a train_file (.csv) or a dataset_name.", "give a --train_file (.csv) or a --dataset_name."),
        ("--label_order is there, and blv:sigma=6", "--label_order is there, and blv:sigma=6"),
        ("no text column 'text_column' in my.output_dir/train_file", None),
        ("in TrainingArguments(label_names=[...]) or load_table(text_column='a')", None),
        ("the loss of a seed; macro_rmse=1, class_counts=[1, 2]", None),
    ],
)
def test_arguments_are_named_as_flags_and_nothing_else_is(message, expected):
    assert named("train", message) == (expected or message)


def test_each_verb_has_its_own_flags():
    assert named("predict", "text_column='a', train_file='b'") == "--text_column 'a', train_file='b'"
    assert named("compare", "loss='bvl' of --methods, max_length=0") == "loss='bvl' of --methods, --max_length 0"


def test_a_note_is_said_once_and_warnings_are_lines_without_their_source(capsys):
    with notes_on_stderr(str.upper):
        for _ in range(2):
            logging.getLogger("blv_trainer.x").info("a %s", "note")
            warnings.warn("of a\n   library", UserWarning, stacklevel=1)
            warnings.warn("for programmers", FutureWarning, stacklevel=1)
    assert capsys.readouterr().err == "A NOTE\nOF A LIBRARY\n"
    with pytest.warns(UserWarning, match="as before"):
        warnings.warn("as before", UserWarning, stacklevel=1)


def test_a_training_says_a_line_for_each_evaluation_and_nothing_that_is_not_ours(tmp_path):
    from blv_trainer.experiments import invented

    invented.write_answers(tmp_path / "answers.csv", 30, seed=1)
    texts = [line.split(",")[1] for line in (tmp_path / "answers.csv").read_text().splitlines()]
    invented.build_encoder(texts, tmp_path / "encoder", seed=1)
    words = f"train --train_file {tmp_path}/answers.csv --output_dir {tmp_path}/out --num_train_epochs 2 --use_cpu "
    words += f"--model_name_or_path {tmp_path}/encoder --max_length 16 --metric_for_best_model ece"
    command = [sys.executable, "-m", "blv_trainer", *words.split()]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=True)
    lines = done.stderr.splitlines()
    evaluations = [line for line in lines if line.startswith("epoch ")]
    assert len(evaluations) == 2
    assert evaluations[0].startswith("epoch 1 of 2, step 13 of 26: validation loss ")
    for name in ("ece 0.", "accuracy ", "macro_accuracy ", "qwk ", "macro_rmse "):
        assert f", {name}" in evaluations[1]
    assert lines[-1] == evaluations[-1] or "temperature" in lines[-1]
    for noise in ("LOAD REPORT", "it/s", "Warning", "{'", "registry.py", "pin_memory", "[transformers]"):
        assert noise not in done.stderr + done.stdout


def test_without_rows_to_judge_on_a_training_says_so(tmp_path, capsys):
    from blv_trainer.experiments import invented

    invented.write_answers(tmp_path / "answers.csv", 20, seed=1)
    invented.build_encoder(["i like tea"], tmp_path / "encoder", seed=1)
    words = f"train --train_file {tmp_path}/answers.csv --output_dir {tmp_path}/out --max_steps 1 --use_cpu "
    words += f"--model_name_or_path {tmp_path}/encoder --validation_fraction 0 --decision raw --tune_for qwk"
    assert main(words.split()) == 0
    printed = capsys.readouterr()
    assert printed.out.startswith("Nothing was evaluated: there are no validation or test rows.\n")
    assert "--tune_for is not used: --decision raw tunes nothing.\n" in printed.err
