"""What works with ``transformers.Trainer`` works the same with ``BLVTrainer``: one test for each way of using it."""

import json
import math

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from torch import nn
from transformers import EarlyStoppingCallback, HfArgumentParser, Trainer, TrainerCallback, TrainingArguments

from blv_trainer import BLVTrainer, BLVTrainingArguments, make_compute_metrics

LEVELS = ["A2", "B1_1", "B1_2", "B2"]
COUNTS = [2, 7, 9, 2]  # of the fixture ``rows``
QUIET = {
    "per_device_train_batch_size": 4,
    "num_train_epochs": 1,  # five steps over the twenty rows
    "learning_rate": 1e-2,
    "save_strategy": "no",
    "report_to": "none",
    "disable_tqdm": True,
    "use_cpu": True,
    "dataloader_pin_memory": False,
    "seed": 3,
}
NO_NOISE = {"loss_kwargs": {"sigma": 0}}
PLAIN_SGD = {"optim": "sgd", "max_grad_norm": 0.0}  # weights differ exactly as gradients do


def settings(folder, **kwargs):
    return BLVTrainingArguments(str(folder), **(QUIET | kwargs))


def plain_settings(folder, **kwargs):
    return TrainingArguments(str(folder), **(QUIET | kwargs))


def trained(model, args, rows, **kwargs):
    trainer = BLVTrainer(model, args, train_dataset=rows, **kwargs)
    trainer.train()
    return trainer


def plainly_trained(model, args, rows, **kwargs):
    trainer = Trainer(model, args, train_dataset=rows, **kwargs)
    trainer.train()
    return trainer


def without_touching_the_random_stream(make_model):
    """A ``model_init`` after which torch's stream goes on from the run's seed, as after a model given ready-made."""

    def model_init():
        with torch.random.fork_rng():
            return make_model()

    return model_init


def differing(model, other):
    """Names of the weights that are not the same to the last bit."""
    ours, theirs = model.state_dict(), other.state_dict()
    assert ours.keys() == theirs.keys()
    return [name for name in ours if not torch.equal(ours[name], theirs[name])]


def largest_difference(model, other):
    pairs = zip(model.state_dict().values(), other.state_dict().values(), strict=True)
    return max((a - b).abs().max().item() for a, b in pairs)


def logged(trainer, key):
    return [entry[key] for entry in trainer.state.log_history if key in entry]


# ---- Sigma 0 is plain Trainer


def assert_sigma_0_is_plain_trainer(make_model, rows, folder, **options):
    theirs = plainly_trained(make_model(dropout=0.1), plain_settings(folder, **options), rows, eval_dataset=rows)
    ours = trained(make_model(dropout=0.1), settings(folder, **NO_NOISE, **options), rows, eval_dataset=rows)
    assert differing(ours.model, make_model())
    assert differing(ours.model, theirs.model) == []
    assert logged(ours, "train_loss") == pytest.approx(logged(theirs, "train_loss"))
    assert logged(ours, "eval_loss") == pytest.approx(logged(theirs, "eval_loss"))


def test_sigma_0_equals_plain_trainer_bit_for_bit_whatever_the_model(make_classifier, rows, tmp_path):
    assert_sigma_0_is_plain_trainer(make_classifier, rows, tmp_path)


@pytest.mark.parametrize(
    "options",
    [
        {"per_device_train_batch_size": 8, "dataloader_drop_last": True},
        {"max_steps": 3, "lr_scheduler_type": "cosine", "warmup_steps": 1, "weight_decay": 0.1},
        {"gradient_checkpointing": True},
        {"bf16": True},
        {"eval_strategy": "steps", "eval_steps": 2},
    ],
    ids="-".join,
)
def test_sigma_0_equals_plain_trainer_bit_for_bit_whatever_the_settings(make_mean_pooled, rows, tmp_path, options):
    assert_sigma_0_is_plain_trainer(make_mean_pooled, rows, tmp_path, **options)


def test_sigma_0_equals_plain_trainer_where_that_divides_the_loss_of_each_micro_batch(make_mean_pooled, rows, tmp_path):
    options = {"gradient_accumulation_steps": 5, **PLAIN_SGD}  # our model says so by accepts_loss_kwargs = False
    theirs = plainly_trained(make_mean_pooled(), plain_settings(tmp_path, **options), rows)
    ours = trained(make_mean_pooled(), settings(tmp_path, **NO_NOISE, **options), rows)
    assert largest_difference(ours.model, make_mean_pooled()) > 1e-5
    assert largest_difference(ours.model, theirs.model) < 1e-8


@pytest.mark.parametrize("name", ["model_accepts_loss_kwargs", "loss_is_scaled_for_ga"])
def test_what_people_set_to_mend_accumulation_leaves_it_exact(make_model, rows, tmp_path, name):
    whole = trained(make_model(), settings(tmp_path, **NO_NOISE, per_device_train_batch_size=10, **PLAIN_SGD), rows)
    args = settings(tmp_path, **NO_NOISE, per_device_train_batch_size=2, gradient_accumulation_steps=5, **PLAIN_SGD)
    trainer = BLVTrainer(make_model(), args, train_dataset=rows)
    setattr(trainer, name, False)
    trainer.train()
    assert largest_difference(trainer.model, make_model()) > 1e-5
    assert largest_difference(trainer.model, whole.model) < 1e-7


# ---- Arguments


def test_plain_training_arguments_train_with_blv(make_mean_pooled, rows, tmp_path):
    trainer = trained(make_mean_pooled(), plain_settings(tmp_path), rows)
    same = trained(make_mean_pooled(), settings(tmp_path, loss="blv", loss_kwargs={"sigma": 6.0}), rows)
    assert differing(trainer.model, same.model) == []
    assert differing(trainer.model, trained(make_mean_pooled(), settings(tmp_path, **NO_NOISE), rows).model)


def test_arguments_from_the_command_line():
    flags = ["--output_dir", "out", "--learning_rate", "3e-4", "--loss", "blv"]
    flags += ["--loss_kwargs", '{"sigma": 2, "scope": "element"}']
    (args,) = HfArgumentParser(BLVTrainingArguments).parse_args_into_dataclasses(flags)
    assert (args.learning_rate, args.loss, args.loss_kwargs) == (3e-4, "blv", {"sigma": 2, "scope": "element"})
    (defaults,) = HfArgumentParser(BLVTrainingArguments).parse_args_into_dataclasses([])
    assert (defaults.loss, defaults.loss_kwargs) == ("blv", None)


def test_arguments_from_json_and_back(tmp_path):
    given = {"output_dir": "out", "learning_rate": 3e-4, "loss": "blv", "loss_kwargs": {"sigma": 2, "scope": "element"}}
    (tmp_path / "run.json").write_text(json.dumps(given))
    (args,) = HfArgumentParser(BLVTrainingArguments).parse_json_file(tmp_path / "run.json")
    written = json.loads(args.to_json_string())
    assert written["loss_kwargs"] == given["loss_kwargs"]
    assert BLVTrainingArguments(**written).to_dict() == args.to_dict()


def test_a_wrong_option_is_named_before_any_model_is_loaded():
    with pytest.raises(ValueError, match=r"option 'sigmma' of loss 'blv' is unknown.*Did you mean 'sigma'\?"):
        HfArgumentParser(BLVTrainingArguments).parse_args_into_dataclasses(["--loss_kwargs", '{"sigmma": 2}'])
    with pytest.raises(ValueError, match="sigma=-1 cannot be used"):
        BLVTrainingArguments("out", loss_kwargs={"sigma": -1})


@pytest.mark.parametrize("given", ["sigma=2", "{sigma: 2}", "[2]", "2", ["sigma"]], ids=str)
def test_options_that_are_no_mapping_are_refused_with_an_example(given):
    with pytest.raises(ValueError, match=r"loss_kwargs=.* is no JSON object: write options as '\{\"sigma\": 2\}'"):
        BLVTrainingArguments("out", loss_kwargs=given)


# ---- Evaluation and prediction


def test_predictions_and_what_compute_metrics_sees_equal_plain_trainers_bit_for_bit(make_mean_pooled, rows, tmp_path):
    seen = []

    def compute_metrics(evaluation):
        seen.append(evaluation)
        return make_compute_metrics(LEVELS)(evaluation)

    kinds = ((Trainer, plain_settings), (BLVTrainer, settings))
    theirs, ours = (
        kind(make_mean_pooled(), args(tmp_path, per_device_eval_batch_size=6), compute_metrics=compute_metrics)
        for kind, args in kinds
    )
    expected, output = theirs.predict(rows), ours.predict(rows)  # 6 + 6 + 6 + 2
    assert np.array_equal(output.predictions, expected.predictions)
    assert output.label_ids.tolist() == expected.label_ids.tolist() == rows["label"]
    for one, other in zip(*seen, strict=True):
        assert np.array_equal(one, other)
    assert output.metrics["test_loss"] == pytest.approx(expected.metrics["test_loss"])
    assert expected.metrics.keys() <= output.metrics.keys()
    assert output.metrics["test_accuracy"] == (output.predictions.argmax(axis=1) == rows["label"]).mean()
    unlabelled = ours.predict(rows.remove_columns("label"))
    assert np.array_equal(unlabelled.predictions, expected.predictions)
    assert unlabelled.label_ids is None


def test_preprocess_logits_for_metrics_changes_predictions_and_no_counts(make_mean_pooled, rows, tmp_path):
    def keep_class(logits, labels):
        assert logits.shape == (len(labels), 4)
        return logits.argmax(dim=-1)

    model = make_mean_pooled()
    plain = BLVTrainer(model, settings(tmp_path)).predict(rows)
    output = BLVTrainer(model, settings(tmp_path), preprocess_logits_for_metrics=keep_class).predict(rows)
    assert output.predictions.tolist() == plain.predictions.argmax(axis=1).tolist()
    counts = [key for key in plain.metrics if "recall" in key or "predicted" in key]
    assert len(counts) == 8
    assert {key: output.metrics[key] for key in counts} == {key: plain.metrics[key] for key in counts}


def test_an_eval_dataset_may_be_a_dictionary(make_mean_pooled, rows, tmp_path):
    parts = {"first": rows.select(range(9)), "rest": rows.select(range(9, 20))}
    args = settings(tmp_path, eval_strategy="epoch", per_device_eval_batch_size=4)
    trainer = trained(make_mean_pooled(), args, rows, eval_dataset=parts)
    for name, part in parts.items():
        alone = trainer.evaluate(part)
        for key in ("loss", "recall_B1_1", *(f"predicted_{level}" for level in LEVELS)):
            assert logged(trainer, f"eval_{name}_{key}")[-1] == pytest.approx(alone[f"eval_{key}"]), key
        assert sum(alone[f"eval_predicted_{level}"] for level in LEVELS) == len(part)


def test_batch_eval_metrics(make_mean_pooled, rows, tmp_path):
    right = []

    def compute_metrics(evaluation, compute_result):
        right.extend((evaluation.predictions.argmax(-1) == evaluation.label_ids).tolist())
        return {"accuracy": np.mean(right)} if compute_result else {}

    args = settings(tmp_path, batch_eval_metrics=True, per_device_eval_batch_size=6)
    metrics = BLVTrainer(make_mean_pooled(), args, eval_dataset=rows, compute_metrics=compute_metrics).evaluate()
    assert len(right) == 20
    hits = sum(metrics[f"eval_recall_{level}"] * count for level, count in zip(LEVELS, COUNTS, strict=True))
    assert metrics["eval_accuracy"] == pytest.approx(hits / 20)


# ---- Callbacks, checkpoints, saving


def test_callbacks_see_the_events_that_plain_trainer_sends(make_mean_pooled, rows, tmp_path):
    class Record(TrainerCallback):
        def __init__(self):
            self.events = []

        def __getattribute__(self, name):
            if not name.startswith("on_"):
                return super().__getattribute__(name)
            return lambda args, state, control, **kwargs: self.events.append((name, state.global_step))

    options = {"eval_strategy": "steps", "eval_steps": 2, "save_strategy": "steps", "save_steps": 2}
    theirs, ours = Record(), Record()
    args = plain_settings(tmp_path / "theirs", gradient_accumulation_steps=2, **options)
    plainly_trained(make_mean_pooled(), args, rows, eval_dataset=rows, callbacks=[theirs])
    args = settings(tmp_path / "ours", gradient_accumulation_steps=2, **options)
    trained(make_mean_pooled(), args, rows, eval_dataset=rows, callbacks=[ours])
    assert ("on_substep_end", 0) in ours.events
    assert ours.events == theirs.events


def test_early_stopping_on_a_recall_and_the_best_model_at_the_end(make_mean_pooled, rows, tmp_path):
    options = {"num_train_epochs": 6, "learning_rate": 1e-9}  # nothing improves: the first evaluation stays the best
    options |= {"eval_strategy": "epoch", "save_strategy": "epoch", "save_total_limit": 1}
    best = {"load_best_model_at_end": True, "metric_for_best_model": "recall_B1_1", "greater_is_better": True}
    callbacks = [EarlyStoppingCallback(early_stopping_patience=2)]
    args = settings(tmp_path, **options, **best)
    trainer = trained(make_mean_pooled(), args, rows, eval_dataset=rows, callbacks=callbacks)
    assert trainer.state.global_step == 15
    assert trainer.state.best_model_checkpoint == str(tmp_path / "checkpoint-5")
    assert [path.name for path in tmp_path.glob("checkpoint-*")] == ["checkpoint-5"]
    weights = load_file(tmp_path / "checkpoint-5" / "model.safetensors")
    assert all(torch.equal(value, weights[name]) for name, value in trainer.model.state_dict().items())
    assert json.loads((tmp_path / "checkpoint-5" / "config.json").read_text())["class_counts"] == COUNTS


# ---- Data


def test_group_by_length_trains_as_plain_trainer_and_predicts_in_the_datasets_order(make_mean_pooled, rows, tmp_path):
    rows = rows.add_column("length", [k * 7 % 5 for k in range(len(rows))])
    options = {"train_sampling_strategy": "group_by_length", "per_device_eval_batch_size": 3}
    theirs = plainly_trained(make_mean_pooled(), plain_settings(tmp_path, **options), rows)
    ours = trained(make_mean_pooled(), settings(tmp_path, **NO_NOISE, **options), rows)
    assert differing(ours.model, theirs.model) == []
    assert differing(ours.model, trained(make_mean_pooled(), settings(tmp_path, **NO_NOISE), rows).model)
    assert ours.predict(rows).label_ids.tolist() == rows["label"]


def test_an_iterable_dataset_trains_with_class_counts_and_is_refused_without(make_mean_pooled, rows, tmp_path):
    stream = rows.rename_column("label", "labels").to_iterable_dataset()
    args = settings(tmp_path, max_steps=7, eval_strategy="steps", eval_steps=7, **NO_NOISE)  # runs out after five
    with pytest.raises(ValueError, match=r"IterableDataset, which cannot be counted beforehand: give class_counts=\["):
        BLVTrainer(make_mean_pooled(), args, train_dataset=stream, eval_dataset=stream)
    ours = trained(make_mean_pooled(), args, stream, eval_dataset=stream, class_counts=COUNTS)
    assert sum(logged(ours, f"eval_predicted_{level}")[0] for level in LEVELS) == 20
    theirs = plainly_trained(make_mean_pooled(), plain_settings(tmp_path, max_steps=7), stream)
    assert ours.state.global_step == theirs.state.global_step == 7
    assert differing(ours.model, theirs.model) == []


@pytest.mark.parametrize("module", [None, nn.CrossEntropyLoss()], ids=["blv", "a mean"])
def test_every_split_of_a_batch_gives_the_same_weights(make_model, rows, tmp_path, module):
    rows = rows.select([*range(10), 18])  # a step of eight, and one of three, whose micro-batches differ in size
    options = {"num_train_epochs": 2, **PLAIN_SGD} | ({} if module else {"loss_kwargs": {"scope": "element"}})
    whole = trained(make_model(), settings(tmp_path, **options, per_device_train_batch_size=8), rows, loss=module)
    assert whole.state.global_step == 4
    assert largest_difference(whole.model, make_model()) > 1e-4
    for batch, accumulation in ((4, 2), (2, 4), (1, 8)):
        split = {"per_device_train_batch_size": batch, "gradient_accumulation_steps": accumulation}
        parts = trained(make_model(), settings(tmp_path, **options | split), rows, loss=module)
        assert parts.state.global_step == 4
        assert largest_difference(parts.model, whole.model) < 2e-7, (batch, accumulation)
        assert logged(parts, "train_loss") == pytest.approx(logged(whole, "train_loss"), rel=1e-5)


@pytest.mark.parametrize(
    ("as_output", "given"),
    [
        (lambda logits: {"logits": logits}, {"class_counts": COUNTS}),
        (lambda logits: (logits,), {"loss": nn.CrossEntropyLoss()}),
    ],
    ids=["dictionaries", "tuples"],
)
def test_a_plain_module_with_a_name_of_its_own_for_labels(rows, tmp_path, as_output, given):
    class Plain(nn.Module):
        def __init__(self):
            super().__init__()
            torch.manual_seed(0)
            self.embedding = nn.Embedding(50, 4)

        def forward(self, input_ids, level=None):
            return as_output(self.embedding(input_ids).mean(dim=1))

    rows = rows.rename_column("label", "level").select(range(7))
    models = []
    for batch, accumulation in ((7, 1), (4, 2)):
        split = {"per_device_train_batch_size": batch, "gradient_accumulation_steps": accumulation}
        args = settings(tmp_path, label_names=["level"], **split, **PLAIN_SGD)
        trainer = trained(Plain(), args, rows, compute_metrics=make_compute_metrics(LEVELS), **given)
        output = trainer.predict(rows)
        assert output.label_ids.tolist() == rows["level"]
        assert output.metrics["test_accuracy"] == (output.predictions.argmax(axis=1) == rows["level"]).mean()
        assert sum(output.metrics[f"test_predicted_{k}"] for k in range(4)) == 7
        models.append(trainer.model)
    assert largest_difference(*models) < 2e-7


# ---- Training


def test_label_smoothing_factor_is_plain_trainers(make_model, rows, tmp_path):
    options = {"label_smoothing_factor": 0.2, **PLAIN_SGD}
    theirs = plainly_trained(make_model(), plain_settings(tmp_path, **options), rows)
    ours = trained(make_model(), settings(tmp_path, **NO_NOISE, **options), rows)
    unsmoothed = trained(make_model(), settings(tmp_path, **NO_NOISE, **PLAIN_SGD), rows)
    assert largest_difference(ours.model, theirs.model) < 2e-7
    assert largest_difference(ours.model, unsmoothed.model) > 1e-5


@pytest.mark.slow
def test_torch_compile_gives_the_same_weights(make_mean_pooled, rows, tmp_path):
    options = {"loss_kwargs": {"scope": "element"}, **PLAIN_SGD}
    args = settings(tmp_path, torch_compile=True, eval_strategy="epoch", **options)
    compiled = trained(make_mean_pooled(), args, rows, eval_dataset=rows)
    exact = trained(make_mean_pooled(), settings(tmp_path, **options), rows)
    assert largest_difference(compiled.model, exact.model) < 1e-6
    compiled.save_model()
    assert json.loads((tmp_path / "config.json").read_text())["class_counts"] == COUNTS


def lora(peft):
    return peft.LoraConfig(task_type="SEQ_CLS", target_modules=r".*\.(query|value|q_lin|v_lin|Wqkv)", r=2)


def test_peft_lora_trains_and_saves_an_adapter(make_model, rows, tmp_path):
    import peft

    def adapted():
        return peft.get_peft_model(make_model(), lora(peft))

    args = settings(tmp_path, label_smoothing_factor=0.1, save_strategy="epoch", loss_kwargs={"sigma": 2})
    model = adapted()
    frozen = {name: value.clone() for name, value in model.named_parameters() if not value.requires_grad}
    trainer = trained(model, args, rows, eval_dataset=rows)
    assert trainer.label_names == ["labels"]
    assert trainer.class_counts == COUNTS
    assert all(torch.equal(value, frozen[name]) for name, value in model.named_parameters() if name in frozen)
    assert "eval_recall_A2" in trainer.evaluate()

    # A config.json beside the adapter would make transformers look for the whole model's weights there.
    saved = tmp_path / "checkpoint-5"
    assert (saved / "adapter_config.json").exists()
    assert not (saved / "config.json").exists()
    loaded = peft.PeftModel.from_pretrained(make_model(), saved)
    logits = trainer.predict(rows).predictions
    assert np.array_equal(BLVTrainer(loaded, settings(tmp_path)).predict(rows).predictions, logits)
    merged = trainer.model.merge_and_unload()
    merged.save_pretrained(tmp_path / "merged")
    config = type(merged).from_pretrained(tmp_path / "merged").config
    assert (config.class_counts, config.training_loss["sigma"], config.decision) == (COUNTS, 2, "raw")


@pytest.mark.slow
def test_auto_find_batch_size_starts_over_as_if_nothing_had_been(make_mean_pooled, rows, tmp_path):
    options = {"gradient_accumulation_steps": 2, "loss_kwargs": {"scope": "element"}}
    model, passes = make_mean_pooled(), []

    def fail_once(module, inputs):
        passes.append(module)
        if len(passes) == 2:  # in the middle of the first step
            raise RuntimeError("CUDA out of memory.")

    model.register_forward_pre_hook(fail_once)
    args = settings(tmp_path, per_device_train_batch_size=5, auto_find_batch_size=True, **options)
    restarted = trained(model, args, rows)
    found = restarted.state.train_batch_size  # nine tenths or half of it, by the version of accelerate
    fresh = trained(make_mean_pooled(), settings(tmp_path, per_device_train_batch_size=found, **options), rows)
    assert found < 5
    assert len(passes) == 2 + math.ceil(20 / found)
    assert differing(restarted.model, fresh.model) == []


def test_model_init_builds_the_model_anew_for_each_training(make_mean_pooled, rows, tmp_path):
    trainer = BLVTrainer(
        model_init=without_touching_the_random_stream(make_mean_pooled), args=settings(tmp_path), train_dataset=rows
    )
    assert trainer.class_counts == COUNTS
    trainer.train()
    first = trainer.model
    trainer.train()
    assert trainer.model is not first
    assert differing(trainer.model, first) == []
    assert differing(first, trained(make_mean_pooled(), settings(tmp_path), rows).model) == []


# ---- Hyperparameter search


class Watch(TrainerCallback):
    """Notes the loss at the end of each training."""

    def __init__(self):
        self.trainer, self.losses = None, []

    def on_train_end(self, args, state, control, **kwargs):
        self.losses.append(self.trainer.loss_fn)


def searcher(make_model, rows, args, **kwargs):
    watch = Watch()
    watch.trainer = BLVTrainer(
        model_init=without_touching_the_random_stream(make_model),
        args=args,
        train_dataset=rows,
        eval_dataset=rows,
        callbacks=[watch],
        **kwargs,
    )
    return watch.trainer, watch.losses


@pytest.mark.slow
def test_hyperparameter_search_over_sigma_trains_each_trial_with_its_own(make_mean_pooled, rows, tmp_path):
    import optuna

    trainer, losses = searcher(make_mean_pooled, rows, settings(tmp_path, max_steps=2))
    objectives = []

    def objective(metrics):
        objectives.append(metrics["eval_loss"])
        return metrics["eval_loss"]

    best = trainer.hyperparameter_search(
        hp_space=lambda trial: {"loss_kwargs": {"sigma": trial.suggest_float("sigma", 0, 6), "scope": "element"}},
        compute_objective=objective,
        n_trials=2,
        direction="minimize",
        backend="optuna",
        sampler=optuna.samplers.GridSampler({"sigma": [0.0, 6.0]}, seed=0),
    )
    assert sorted(loss.sigma for loss in losses) == [0, 6]
    assert {loss.scope for loss in losses} == {"element"}
    for loss, reached in zip(losses, objectives, strict=True):
        args = settings(tmp_path, max_steps=2, loss_kwargs={"sigma": loss.sigma, "scope": "element"})
        alone = trained(make_mean_pooled(), args, rows, eval_dataset=rows)
        assert alone.evaluate()["eval_loss"] == reached
    assert len(set(objectives)) == 2
    assert best.hyperparameters == {"sigma": losses[objectives.index(min(objectives))].sigma}


@pytest.mark.parametrize("with_metrics", [False, True])
def test_the_default_objective_of_a_search_is_plain_trainers(make_mean_pooled, rows, tmp_path, with_metrics):
    found = {"ours": 0.25, "recall_A2": 0.5, "pcc": float("nan")}  # undefined, which would end the search
    compute_metrics = (lambda evaluation: dict(found)) if with_metrics else None
    args = settings(tmp_path, max_steps=1, eval_strategy="epoch")
    trainer, _ = searcher(make_mean_pooled, rows, args, compute_metrics=compute_metrics)
    best = trainer.hyperparameter_search(
        lambda trial: {"learning_rate": trial.suggest_float("learning_rate", 1e-3, 1e-2)}, n_trials=1, backend="optuna"
    )
    assert best.objective == (0.75 if with_metrics else logged(trainer, "eval_loss")[-1])


@pytest.mark.parametrize(
    ("space", "given", "message"),
    [
        ({"loss_kwargs": {"sigmma": 1}}, {}, "option 'sigmma' of loss 'blv' is unknown"),
        (
            {"loss_kwargs": {"sigma": 1}},
            {"loss": nn.CrossEntropyLoss()},
            "loss_kwargs=.* cannot reach CrossEntropyLoss",
        ),
    ],
)
def test_a_search_that_cannot_reach_the_loss_is_named(make_mean_pooled, rows, tmp_path, space, given, message):
    trainer, _ = searcher(make_mean_pooled, rows, settings(tmp_path, max_steps=1), **given)
    with pytest.raises(ValueError, match=message):
        trainer.hyperparameter_search(hp_space=lambda trial: dict(space), n_trials=1, backend="optuna")
