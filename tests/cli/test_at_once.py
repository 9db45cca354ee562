"""What is misspelt or asked of the command line itself is answered before torch and transformers are imported."""

import json
import subprocess
import sys

import pytest

TABLE = "text,level\n" + "".join(f"I like tea {k} times.,{'AB'[k % 2]}1\n" for k in range(40))

CASES = {
    "a verb": ("trian", 2, "'list'). Did you mean 'train'?"),
    "a flag": ("train --train_fiel x.csv --output_dir out", 2, "Did you mean --train_file?"),
    "a flag of compare": ("compare --sedes 1 --output_dir out", 2, "Did you mean --seeds?"),
    "a preset": ("train --preset quik --output_dir out", 2, "'quick'). Did you mean 'quick'?"),
    "a loss": ("train --loss bvl --output_dir out", 2, "Did you mean 'blv'?"),
    "its option": ('check --loss blv --loss_kwargs {{"sigmo":1}}', 2, "--loss blv: its option 'sigmo' is unknown. "),
    "a method": ("compare --methods bvl:sigma=2 --output_dir out", 2, "Did you mean 'blv'?"),
    "an option of a method": ("compare --methods blv:sigmo=1 --output_dir out", 2, "Did you mean 'sigma'?"),
    "a decision": ("train --decision tunned --output_dir out", 2, "macro_rmse, qwk. Did you mean 'tuned'?"),
    "a metric": ("compare --tune_for macro_acuracy=2 --output_dir out", 2, "Did you mean 'macro_accuracy'?"),
    "no batch": ("check --per_device_train_batch_size 0", 2, "batch_size 0 cannot be used: give a number from 1 up."),
    "a weight": ("compare --tune_for qwk=0 --output_dir out", 2, "--tune_for qwk=0: '0' is no weight above 0; "),
    "a dropout": ("check --classifier_dropout 2", 2, "--classifier_dropout 2.0 cannot be used: give 0 or more"),
    "a checkpoint": ("train --resume_from_checkpoint x --output_dir out", 2, "--resume_from_checkpoint x is no folder"),
    "its input": ("predict m --input_file {folder}/t.csv --output_file {folder}/t.csv", 2, "is the --input_file, "),
    "a negative rate": ("check --learning_rate -1", 2, "--learning_rate -1.0 cannot be used: give a number above 0."),
    "a negative seed": ("compare --seeds 1 -2 --output_dir out", 2, "--seeds -2 cannot be used: give a number"),
    "a negative warmup": ("check --warmup_steps -3", 2, "--warmup_steps -3.0 cannot be used: give a number from 0 up."),
    "a rater alone": ("evaluate m --test_file x.csv --rater_columns r", 2, "--rater_columns r is one rater, and "),
    "a file": ("train --train_file {folder}/lost.csv --output_dir out", 2, "lost.csv does not exist"),
    "a column": ("compare --train_file {folder}/t.csv --label_column levle --output_dir out", 2, "mean 'level'?"),
    "a column for check": ("check --train_file {folder}/t.csv", 2, "has no label column 'label'"),
    "a model": (
        "train --train_file {folder}/t.csv --label_column level --output_dir out",
        2,
        "bert-base-uncased is no folder, was not downloaded before, and HF_HUB_OFFLINE is set",
    ),
    "no output folder": ("train --train_file {folder}/t.csv", 2, "required: --output_dir"),
    "list": ("list", 0, "sigma=6.0"),
    "help": ("--help", 0, "VERB"),
    "help of train": ("train --help", 0, "--train_file"),
    "all help of train": ("train --help_all", 0, "--ddp_timeout"),
    "help of compare": ("compare --help", 0, "--methods"),
    "help of predict": ("predict --help", 0, "--input_file"),
}

# Says after each case what it printed and whether anything heavy has come; all in one process, which takes a second.
PROGRAM = """
import contextlib, io, json, sys
from blv_trainer.cli import main
for name, words in json.loads(sys.argv[1]).items():
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed):
        code = main(words)
    print(json.dumps([name, code, printed.getvalue(), sorted({"torch", "transformers"} & set(sys.modules))]))
"""


@pytest.fixture(scope="module")
def answers(tmp_path_factory):
    folder = tmp_path_factory.mktemp("at_once")
    (folder / "t.csv").write_text(TABLE)
    words = {name: words.format(folder=folder).split() for name, (words, *_) in CASES.items()}
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, json.dumps(words)], cwd=folder, capture_output=True, text=True, check=True
    )
    assert sorted(path.name for path in folder.iterdir()) == ["t.csv"]  # nothing was written
    return {name: answer for name, *answer in map(json.loads, done.stdout.splitlines())}


@pytest.mark.parametrize("name", CASES)
def test_the_answer_comes_before_torch(answers, name):
    _, code, message = CASES[name]
    found, printed, heavy = answers[name]
    assert (found, heavy) == (code, [])
    assert message in printed
