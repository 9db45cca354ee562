"""Two processes on this machine, talking by gloo, give what one process gives."""

import importlib.util
import json
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from torch.nn import functional as F

pytestmark = pytest.mark.slow

WORKER = Path(__file__).parent / "processes" / "worker.py"
SPEC = importlib.util.spec_from_file_location("worker", WORKER)
worker = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(worker)

TRAININGS = [*worker.TRAININGS, "resumed"]


def launch(scenarios, folder):
    """Run scenarios in two processes, and return the exit status and what they said."""
    launcher = ["-m", "torch.distributed.run", "--standalone", "--nproc_per_node", "2"]
    command = [sys.executable, *launcher, str(WORKER), ",".join(scenarios), str(folder)]
    root = str(WORKER.parents[2])  # the package need not be installed
    environment = {**worker.os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": root, "GLOO_SOCKET_IFNAME": "lo"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300, check=False)
    return done.returncode, done.stdout + done.stderr


@pytest.fixture(scope="module")
def two(tmp_path_factory):
    """The folder in which two processes have run every scenario."""
    folder = tmp_path_factory.mktemp("two")
    status, said = launch([*TRAININGS, "evaluation", "search"], folder)
    assert status == 0, said[-5000:]
    return folder


@pytest.fixture(scope="module")
def one(tmp_path_factory):
    """The folder in which this process has run every scenario but the search alone."""
    folder = tmp_path_factory.mktemp("one")
    worker.main([*TRAININGS, "evaluation"], folder)
    return folder


def seen(folder, scenario, rank=0):
    return json.loads((folder / scenario / f"seen-{rank}.json").read_text())


def weights(folder, scenario, rank=0):
    return load_file(folder / scenario / f"weights-{rank}.safetensors")


# ---- Training


@pytest.mark.parametrize("scenario", TRAININGS)
def test_two_processes_train_the_weights_of_one_with_the_doubled_batch(one, two, scenario):
    if scenario == "ignored_labels":
        assert seen(one, scenario)["losses"] != seen(one, "scope_step")["losses"]
    alone = weights(one, scenario)
    untrained = worker.make_model(mean_pooled="mean_pooled" in scenario).state_dict()
    assert max((alone[name] - value).abs().max() for name, value in untrained.items()) > 1e-2
    for rank in (0, 1):
        together = weights(two, scenario, rank)
        assert max((alone[name] - together[name]).abs().max() for name in alone) < 1e-6


@pytest.mark.parametrize("scenario", TRAININGS)
def test_two_processes_log_the_loss_of_the_whole_batch(one, two, scenario):
    assert len(seen(two, scenario)["losses"]) == 6
    assert seen(two, scenario)["losses"] == pytest.approx(seen(one, scenario)["losses"], rel=1e-5)


def test_scope_step_draws_one_delta_for_both_processes(one, two):
    first, second = seen(two, "scope_step", 0)["draws"], seen(two, "scope_step", 1)["draws"]
    assert len(first) == 6
    assert first == second == seen(one, "scope_step")["draws"]
    assert len({str(draw) for draw in first}) == 6


@pytest.mark.parametrize("scenario", ["scope_element", "resumed", "local_averages"])
def test_scope_element_draws_other_numbers_in_each_process(one, two, scenario):
    first, second = (np.array(seen(two, scenario, rank)["draws"]) for rank in (0, 1))
    assert first.shape == second.shape == (6, 4, 4)  # (steps, rows of a process, classes)
    assert np.array_equal(np.concatenate([first, second], axis=1), np.array(seen(one, scenario)["draws"]))
    assert len(np.unique(np.concatenate([first, second]))) == 6 * 8 * 4


def test_accumulation_in_two_processes_draws_the_numbers_of_the_whole_batch(one, two):
    both = [np.array(seen(two, "accumulation", rank)["draws"]) for rank in (0, 1)]
    assert both[0].shape == (12, 2, 4)  # (micro-batches, rows of a process, classes)
    assert np.array_equal(np.concatenate(both, axis=1), np.array(seen(one, "accumulation")["draws"]))


def test_a_search_trains_every_process_with_the_same_sigma(two):
    sigmas = seen(two, "search", 0)["sigmas"]
    assert len(set(sigmas)) == 2
    assert seen(two, "search", 1)["sigmas"] == sigmas


# ---- Evaluation


@pytest.mark.parametrize("kind", ["metrics", "streamed"])
def test_two_processes_count_each_row_of_the_evaluation_set_once(one, two, kind):
    alone, together = seen(one, "evaluation")[kind], seen(two, "evaluation")[kind]
    assert together == pytest.approx(alone, rel=1e-5, nan_ok=True)
    assert seen(two, "evaluation", 1)[kind] == pytest.approx(together, rel=1e-6, nan_ok=True)
    assert sum(together[f"eval_predicted_{level}"] for level in worker.LEVELS) == 20  # and one row without a label
    assert len({together[f"eval_predicted_{level}"] for level in worker.LEVELS}) > 1


def test_the_metrics_are_those_of_the_gathered_predictions(two):
    evaluation = seen(two, "evaluation")
    logits, labels = torch.tensor(evaluation["logits"]), torch.tensor(evaluation["labels"])
    assert labels.tolist() == worker.make_rows(21, ignored=[3])["label"]
    predicted = logits.argmax(dim=1)
    for kind in ("metrics", "streamed"):
        metrics = evaluation[kind]
        assert metrics["eval_loss"] == pytest.approx(F.cross_entropy(logits, labels).item(), rel=1e-5)
        for k, level in enumerate(worker.LEVELS):
            of_class = labels == k
            assert metrics[f"eval_predicted_{level}"] == (predicted[labels >= 0] == k).sum()
            assert metrics[f"eval_recall_{level}"] == pytest.approx((predicted[of_class] == k).float().mean().item())


def test_predictions_are_those_of_one_process_in_the_datasets_order(one, two):
    alone = np.array(seen(one, "evaluation")["logits"])
    for rank in (0, 1):
        assert np.abs(np.array(seen(two, "evaluation", rank)["logits"]) - alone).max() < 1e-5


# ---- Files


def test_one_process_writes_the_files(two):
    def files(rank):
        folder = two / "evaluation" / f"by-{rank}"
        return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}

    assert {"model.safetensors", "config.json", "checkpoint-3/model.safetensors"} <= files(0)
    # Each process keeps the states of its own random stream: of the step, and of the beginning of the epoch.
    assert files(1) == {"checkpoint-3/rng_state_1.pth", "checkpoint-3/epoch_start_1.pth"}


# ---- Faults


def test_a_process_that_fails_ends_the_run_with_its_reason(tmp_path):
    start = time.monotonic()
    status, said = launch(["poisoned"], tmp_path)
    assert status != 0
    assert "FloatingPointError: the loss is nan at step 3 of 6" in said
    assert time.monotonic() - start < 60
    assert not list(tmp_path.rglob("seen-*.json"))
