"""``blv-trainer compare`` in two processes, as ``accelerate launch`` starts them for two devices."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from blv_trainer.cli import main
from blv_trainer.corpora.synthetic import generate_answers
from blv_trainer.experiments.invented import build_encoder

LAUNCHER = ["-m", "torch.distributed.run", "--standalone", "--nproc_per_node", "2", "-m", "blv_trainer"]
# Without dropout and without grouping by length, the same rows stand in the same steps with the same noise; two folds
# of 40 rows, so that there are only whole batches, which accelerate does not fill up.
WORDS = [
    *["compare", "--preset", "demo", "--num_speakers", "20", "--seed", "1", "--num_train_epochs", "2", "--seeds", "1"],
    *["--methods", "cross_entropy", "blv:scope=element", "--max_length", "32", "--classifier_dropout", "0"],
    *["--train_sampling_strategy", "random", "--warmup_steps", "0", "--num_resamples", "100", "--use_cpu"],
    *["--tsne_rows", "30", "--tsne_iterations", "250", "--folds", "2"],
]


@pytest.fixture(scope="module")
def encoder(tmp_path_factory):
    """The demo's encoder, without dropout."""
    folder = build_encoder(
        [answer.text for answer in generate_answers(20, seed=1)], tmp_path_factory.mktemp("encoder"), seed=1
    )
    path = Path(folder, "config.json")
    without = {"hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0}
    path.write_text(json.dumps({**json.loads(path.read_text()), **without}))
    return folder


def launch(words):
    root = str(Path(__file__).parents[2])  # the package need not be installed
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": root, "GLOO_SOCKET_IFNAME": "lo"}
    command = [sys.executable, *LAUNCHER, *words]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, (done.stdout + done.stderr)[-5000:]
    return done.stdout


def files(folder):
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


@pytest.mark.slow
@pytest.mark.parametrize("flags", [[], ["--freeze_encoder", "--learning_rate", "0.1"]], ids=["whole", "frozen"])
def test_two_processes_make_the_table_of_one_with_the_doubled_batch(encoder, tmp_path, flags, capsys):
    words = [*WORDS, "--model_name_or_path", encoder, *flags]
    alone, together = tmp_path / "alone", tmp_path / "together"
    assert main([*words, "--per_device_train_batch_size", "8", "--output_dir", str(alone)]) == 0
    printed_alone = capsys.readouterr().out
    printed = launch([*words, "--per_device_train_batch_size", "4", "--output_dir", str(together)])
    untimed = [
        re.sub(r"about [\d.]+ \w+\)", "", text) for text in (printed.replace("together", "alone"), printed_alone)
    ]
    assert untimed[0] == untimed[1]  # by one process only
    assert files(together) == files(alone)
    assert (together / "report" / "table.md").read_text() == (alone / "report" / "table.md").read_text()
    paths = list(alone.glob("runs/*/*/*/predictions.parquet"))
    assert len(paths) == 4
    for path in paths:
        ours, theirs = (pq.read_table(folder / path.relative_to(alone)) for folder in (together, alone))
        assert ours["id"].equals(theirs["id"])
        np.testing.assert_allclose(ours["logits"].to_pylist(), theirs["logits"].to_pylist(), atol=1e-4)
