"""The best checkpoint is the best by the metric that was named, whichever of its values are better."""

import logging

import pytest
from transformers import EarlyStoppingCallback, TrainerCallback, TrainingArguments

from blv_trainer import BLVTrainer, BLVTrainingArguments, make_compute_metrics

LEVELS = ["A2", "B1_1", "B1_2", "B2"]
QUIET = {"report_to": "none", "disable_tqdm": True, "use_cpu": True, "dataloader_pin_memory": False}
EACH_STEP = {"eval_strategy": "steps", "eval_steps": 1, "save_strategy": "steps", "save_steps": 1, "max_steps": 4}


def settings(folder, metric, *, cls=BLVTrainingArguments, **more):
    return cls(str(folder), **QUIET, **EACH_STEP, load_best_model_at_end=True, metric_for_best_model=metric, **more)


def scripted(key, values):
    """A ``compute_metrics`` that gives one value after the other."""
    found = iter(values)
    return lambda evaluation: {key: next(found)}


@pytest.mark.parametrize(
    ("metric", "values", "best"),
    [
        ("macro_rmse", [0.9, 0.4, 0.6, 0.8], 2),
        ("eval_rmse", [0.9, 0.4, 0.6, 0.8], 2),
        ("ece", [0.3, 0.2, 0.1, 0.4], 3),
        ("smd", [-0.8, 0.5, -0.1, 0.3], 3),
        ("eval_smd", [0.8, 0.1, -0.4, 0.3], 2),
        ("eval_abs_smd", [0.8, 0.1, -0.4, 0.3], 2),
        ("qwk", [0.1, 0.4, 0.6, 0.2], 3),
    ],
)
@pytest.mark.parametrize("cls", [BLVTrainingArguments, TrainingArguments])
def test_the_best_checkpoint_is_the_best(make_mean_pooled, rows, tmp_path, cls, metric, values, best):
    compute_metrics = scripted(metric.removeprefix("eval_").removeprefix("abs_"), values)
    given = {"train_dataset": rows, "eval_dataset": rows, "compute_metrics": compute_metrics}
    trainer = BLVTrainer(make_mean_pooled(), settings(tmp_path, metric, cls=cls), **given)
    trainer.train()
    assert trainer.state.best_model_checkpoint == str(tmp_path / f"checkpoint-{best}")
    assert trainer.state.best_metric == abs(values[best - 1])


def test_the_metrics_of_one_of_several_evaluation_sets_are_known_too(make_mean_pooled, rows, tmp_path):
    values = scripted("rmse", [0.9, 0.1, 0.4, 0.2, 0.6, 0.3, 0.8, 0.4])  # dev and other in turn
    sets = {"train_dataset": rows, "eval_dataset": {"dev": rows, "other": rows}}
    trainer = BLVTrainer(make_mean_pooled(), settings(tmp_path, "dev_rmse"), **sets, compute_metrics=values)
    trainer.train()
    assert trainer.state.best_model_checkpoint == str(tmp_path / "checkpoint-2")


def test_early_stopping_goes_by_the_distance_from_0(make_mean_pooled, rows, tmp_path):
    trainer = BLVTrainer(
        make_mean_pooled(),
        settings(tmp_path, "smd"),
        train_dataset=rows,
        eval_dataset=rows,
        compute_metrics=scripted("smd", [0.1, -0.4, -0.6, 0.2]),
        callbacks=[EarlyStoppingCallback(early_stopping_patience=2)],
    )
    trainer.train()
    assert trainer.state.global_step == 3


def test_whoever_says_which_values_are_better_is_believed(make_mean_pooled, rows, tmp_path, caplog):
    args = settings(tmp_path, "rmse", greater_is_better=True)
    given = {"train_dataset": rows, "eval_dataset": rows, "compute_metrics": scripted("rmse", [0.9, 0.4, 0.6, 0.8])}
    trainer = BLVTrainer(make_mean_pooled(), args, **given)
    trainer.train()
    assert trainer.state.best_metric == 0.9
    assert "greater_is_better" not in caplog.text


def test_settings_that_were_written_down_mean_the_same_when_they_are_read(make_mean_pooled, rows, tmp_path):
    args = settings(tmp_path, "smd", greater_is_better=settings(tmp_path, "smd").greater_is_better)
    compute_metrics = scripted("smd", [-0.8, 0.5, -0.1, 0.3])
    given = {"train_dataset": rows, "eval_dataset": rows, "compute_metrics": compute_metrics}
    trainer = BLVTrainer(make_mean_pooled(), args, **given)
    trainer.train()
    assert trainer.state.best_metric == 0.1


def test_plain_arguments_do_not_tell_a_choice_from_the_default_so_a_warning_does(
    make_mean_pooled, rows, tmp_path, caplog
):
    given = {"train_dataset": rows, "eval_dataset": rows}
    with caplog.at_level(logging.WARNING):
        BLVTrainer(make_mean_pooled(), settings(tmp_path, "rmse", cls=TrainingArguments), **given)
    assert "metric_for_best_model='rmse' is better lower, so greater_is_better is False" in caplog.text
    caplog.clear()
    BLVTrainer(make_mean_pooled(), settings(tmp_path, "qwk", cls=TrainingArguments), **given)
    BLVTrainer(make_mean_pooled(), settings(tmp_path, "my_rmse", cls=TrainingArguments), **given)
    assert "greater_is_better" not in caplog.text


# ---- Unknown ones


class NoStep(TrainerCallback):
    def on_step_begin(self, *args, **kwargs):
        raise AssertionError("training began")


@pytest.mark.parametrize(
    ("metric", "compute_metrics", "message"),
    [
        (
            "macro_rsme",
            make_compute_metrics(LEVELS),
            r"metric_for_best_model='macro_rsme' is in no .* mean 'macro_rmse'",
        ),
        ("eval_recall_B1", make_compute_metrics(LEVELS), r"Choose from: loss, accuracy.*Did you mean 'recall_B1_2'\?"),
        ("qwk", None, r"'qwk' is in no evaluation. Choose from: loss, recall_A2, .* come from compute_metrics="),
    ],
)
def test_an_unknown_metric_is_refused_before_training(
    make_mean_pooled, rows, tmp_path, metric, compute_metrics, message
):
    trainer = BLVTrainer(
        make_mean_pooled(),
        settings(tmp_path, metric),
        train_dataset=rows,
        eval_dataset=rows,
        compute_metrics=compute_metrics,
        callbacks=[NoStep()],
    )
    with pytest.raises(ValueError, match=message):
        trainer.train()


@pytest.mark.parametrize("metric", ["loss", "eval_loss", "recall_B1_2", "predicted_A2", "abs_smd", "macro_f1", "smd"])
def test_a_metric_that_evaluations_hold_is_taken(make_mean_pooled, rows, tmp_path, metric):
    given = {"train_dataset": rows, "eval_dataset": rows, "compute_metrics": make_compute_metrics(LEVELS)}
    trainer = BLVTrainer(make_mean_pooled(), settings(tmp_path, metric), **given)
    trainer.train()
    assert trainer.state.best_model_checkpoint


def test_metrics_of_ones_own_are_not_known_beforehand(make_mean_pooled, rows, tmp_path):
    class Mine(BLVTrainer):
        def evaluate(self, *args, **kwargs):
            return super().evaluate(*args, **kwargs) | {"eval_mine": 1.0}

    trainer = Mine(make_mean_pooled(), settings(tmp_path, "mine"), train_dataset=rows, eval_dataset=rows)
    trainer.train()
    assert trainer.state.best_metric == 1.0
