"""What works with ``transformers.Trainer`` works the same with ``BLVTrainer``: one test for each way of using it."""

import json
import math

import numpy as np
import pytest
import torch
import yaml
from datasets import Dataset
from safetensors.torch import load_file
from torch import nn
from torch.utils.data import IterableDataset
from transformers import EarlyStoppingCallback, HfArgumentParser, Trainer, TrainerCallback, TrainingArguments
from transformers.modeling_layers import GradientCheckpointingLayer

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
GROUP_BY_LENGTH = {"train_sampling_strategy": "group_by_length"}
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


def without_touching_the_random_stream(make_classifier):
    """A ``model_init`` after which torch's stream goes on from the run's seed, as after a model given ready-made."""

    def model_init():
        with torch.random.fork_rng():
            return make_classifier()

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


def checkpoints(folder):
    return sorted(int(path.name.removeprefix("checkpoint-")) for path in folder.glob("checkpoint-*"))


class Stream(IterableDataset):
    """Rows one after the other, of unknown number."""

    def __init__(self, rows):
        self.rows = rows

    def __iter__(self):
        for row in self.rows:
            yield {"labels" if key == "label" else key: value for key, value in row.items()}


class ForwardPasses:
    """Counts a module's forward passes, and may fail at one of them as a full device does."""

    def __init__(self, module, fail_at=None):
        self.count, self.fail_at = 0, fail_at
        module.register_forward_pre_hook(self._count)

    def _count(self, module, inputs):
        self.count += 1
        if self.count == self.fail_at:
            raise RuntimeError("CUDA out of memory.")


@pytest.fixture
def uneven_rows(rows):
    """The twenty rows with two to six tokens each, and a collator that pads them."""
    lengths = np.random.default_rng(0).integers(2, 7, len(rows)).tolist()
    columns = {
        key: [row[:n] for row, n in zip(rows[key], lengths, strict=True)] for key in ("input_ids", "attention_mask")
    }

    def pad(batch):
        ids = nn.utils.rnn.pad_sequence([torch.tensor(row["input_ids"]) for row in batch], batch_first=True)
        mask = nn.utils.rnn.pad_sequence([torch.tensor(row["attention_mask"]) for row in batch], batch_first=True)
        return {"input_ids": ids, "attention_mask": mask, "labels": torch.tensor([row["label"] for row in batch])}

    return Dataset.from_dict({**columns, "label": rows["label"], "length": lengths}), pad


# ---- Sigma 0 is plain Trainer


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"per_device_train_batch_size": 8, "dataloader_drop_last": True},
        {"max_steps": 3, "lr_scheduler_type": "cosine", "warmup_steps": 1, "weight_decay": 0.1},
        {"gradient_checkpointing": True},
        {"bf16": True},
        {"eval_strategy": "steps", "eval_steps": 2},
    ],
    ids=lambda options: "-".join(options) or "defaults",
)
def test_sigma_0_equals_plain_trainer_bit_for_bit(make_classifier, rows, tmp_path, options):
    theirs = plainly_trained(make_classifier(dropout=0.1), plain_settings(tmp_path, **options), rows, eval_dataset=rows)
    ours = trained(make_classifier(dropout=0.1), settings(tmp_path, **NO_NOISE, **options), rows, eval_dataset=rows)
    assert differing(ours.model, make_classifier())
    assert differing(ours.model, theirs.model) == []
    assert logged(ours, "train_loss") == pytest.approx(logged(theirs, "train_loss"))
    assert logged(ours, "eval_loss") == pytest.approx(logged(theirs, "eval_loss"))


def test_sigma_0_equals_plain_trainer_where_that_divides_the_loss_of_each_micro_batch(make_mean_pooled, rows, tmp_path):
    options = {"gradient_accumulation_steps": 5, **PLAIN_SGD}  # our model says so by accepts_loss_kwargs = False
    theirs = plainly_trained(make_mean_pooled(), plain_settings(tmp_path, **options), rows)
    ours = trained(make_mean_pooled(), settings(tmp_path, **NO_NOISE, **options), rows)
    assert largest_difference(ours.model, make_mean_pooled()) > 1e-5
    assert largest_difference(ours.model, theirs.model) < 1e-8


# ---- Arguments


def test_plain_training_arguments_train_with_blv(make_classifier, rows, tmp_path):
    trainer = trained(make_classifier(), plain_settings(tmp_path), rows)
    same = trained(make_classifier(), settings(tmp_path, loss="blv", loss_kwargs={"sigma": 6.0}), rows)
    assert differing(trainer.model, same.model) == []
    assert differing(trainer.model, trained(make_classifier(), settings(tmp_path, **NO_NOISE), rows).model)


GIVEN = {"output_dir": "out", "learning_rate": 3e-4, "loss": "blv", "loss_kwargs": {"sigma": 2, "scope": "element"}}


def test_arguments_from_yaml(tmp_path):
    (tmp_path / "run.yaml").write_text(yaml.safe_dump(GIVEN))
    (args,) = HfArgumentParser(BLVTrainingArguments).parse_yaml_file(tmp_path / "run.yaml")
    assert (args.learning_rate, args.loss, args.loss_kwargs) == (3e-4, "blv", {"sigma": 2, "scope": "element"})


def test_arguments_from_the_command_line():
    flags = ["--output_dir", "out", "--learning_rate", "3e-4", "--loss", "blv"]
    flags += ["--loss_kwargs", '{"sigma": 2, "scope": "element"}']
    (args,) = HfArgumentParser(BLVTrainingArguments).parse_args_into_dataclasses(flags)
    assert (args.learning_rate, args.loss, args.loss_kwargs) == (3e-4, "blv", {"sigma": 2, "scope": "element"})
    (defaults,) = HfArgumentParser(BLVTrainingArguments).parse_args_into_dataclasses([])
    assert (defaults.loss, defaults.loss_kwargs) == ("blv", None)


def test_arguments_from_json_and_back(tmp_path):
    (tmp_path / "run.json").write_text(json.dumps(GIVEN))
    (args,) = HfArgumentParser(BLVTrainingArguments).parse_json_file(tmp_path / "run.json")
    written = json.loads(args.to_json_string())
    assert written["loss_kwargs"] == {"sigma": 2, "scope": "element"}
    back = BLVTrainingArguments(**written)
    assert back.to_dict() == args.to_dict()
    assert json.loads(back.to_json_string()) == written


def test_a_wrong_option_is_named_wherever_arguments_come_from(tmp_path):
    parser = HfArgumentParser(BLVTrainingArguments)
    path = tmp_path / "run.yaml"  # JSON is YAML too
    path.write_text(json.dumps({"output_dir": "out", "loss_kwargs": {"sigmma": 2}}))
    message = r"option 'sigmma' of loss 'blv' is unknown.*Did you mean 'sigma'\?"
    with pytest.raises(ValueError, match=message):
        parser.parse_yaml_file(path)
    with pytest.raises(ValueError, match=message):
        parser.parse_json_file(path)
    with pytest.raises(ValueError, match=message):
        parser.parse_args_into_dataclasses(["--loss_kwargs", '{"sigmma": 2}'])


@pytest.mark.parametrize("given", ["sigma=2", "{sigma: 2}", "[2]", "2", ["sigma"]], ids=str)
def test_options_that_are_no_mapping_are_refused_with_an_example(given):
    with pytest.raises(ValueError, match=r"loss_kwargs=.* is no JSON object: write options as '\{\"sigma\": 2\}'"):
        BLVTrainingArguments("out", loss_kwargs=given)


def test_a_value_out_of_its_range_is_named_before_any_model_is_loaded():
    with pytest.raises(ValueError, match="sigma=-1 cannot be used"):
        BLVTrainingArguments("out", loss_kwargs={"sigma": -1})


# ---- Evaluation and prediction


def test_predict_equals_plain_trainers_bit_for_bit(make_classifier, rows, tmp_path):
    args = {"per_device_eval_batch_size": 6}  # 6 + 6 + 6 + 2
    theirs = Trainer(make_classifier(), plain_settings(tmp_path, **args)).predict(rows)
    ours = BLVTrainer(make_classifier(), settings(tmp_path, **args)).predict(rows)
    assert np.array_equal(ours.predictions, theirs.predictions)
    assert ours.label_ids.tolist() == theirs.label_ids.tolist() == rows["label"]
    assert ours.metrics["test_loss"] == pytest.approx(theirs.metrics["test_loss"])
    assert theirs.metrics.keys() <= ours.metrics.keys()
    unlabelled = BLVTrainer(make_classifier(), settings(tmp_path, **args)).predict(rows.remove_columns("label"))
    assert np.array_equal(unlabelled.predictions, theirs.predictions)


def test_compute_metrics_sees_what_plain_trainer_shows_it(make_classifier, rows, tmp_path):
    seen = []

    def compute_metrics(evaluation):
        seen.append(evaluation)
        return make_compute_metrics(LEVELS)(evaluation)

    model = make_classifier()
    Trainer(model, plain_settings(tmp_path), eval_dataset=rows, compute_metrics=compute_metrics).evaluate()
    ours = BLVTrainer(model, settings(tmp_path), eval_dataset=rows, compute_metrics=compute_metrics)
    metrics = ours.evaluate()
    assert np.array_equal(seen[0].predictions, seen[1].predictions)
    assert np.array_equal(seen[0].label_ids, seen[1].label_ids)
    assert metrics["eval_accuracy"] == (seen[1].predictions.argmax(axis=1) == rows["label"]).mean()


def test_preprocess_logits_for_metrics_changes_predictions_and_no_counts(make_classifier, rows, tmp_path):
    def keep_class(logits, labels):
        assert logits.shape == (len(labels), 4)
        return logits.argmax(dim=-1)

    model = make_classifier()
    plain = BLVTrainer(model, settings(tmp_path)).predict(rows)
    output = BLVTrainer(model, settings(tmp_path), preprocess_logits_for_metrics=keep_class).predict(rows)
    assert output.predictions.tolist() == plain.predictions.argmax(axis=1).tolist()
    counts = [key for key in plain.metrics if "recall" in key or "predicted" in key]
    assert len(counts) == 8
    assert {key: output.metrics[key] for key in counts} == {key: plain.metrics[key] for key in counts}


def test_eval_loss_is_the_mean_over_labelled_rows(make_classifier, rows, tmp_path):
    labels = [-100 if row in (0, 1, 17) else label for row, label in enumerate(rows["label"])]
    rows = rows.remove_columns("label").add_column("label", labels)
    output = BLVTrainer(make_classifier(), settings(tmp_path, per_device_eval_batch_size=6)).predict(rows)
    expected = nn.functional.cross_entropy(torch.tensor(output.predictions), torch.tensor(labels)).item()
    assert output.metrics["test_loss"] == pytest.approx(expected, rel=1e-6)
    assert sum(output.metrics[f"test_predicted_{level}"] for level in LEVELS) == 17


def test_an_eval_dataset_may_be_a_dictionary(make_classifier, rows, tmp_path):
    parts = {"first": rows.select(range(9)), "rest": rows.select(range(9, 20))}
    args = settings(tmp_path, eval_strategy="epoch", per_device_eval_batch_size=4)
    trainer = trained(make_classifier(), args, rows, eval_dataset=parts)
    for name, part in parts.items():
        alone = trainer.evaluate(part)
        for key in ("loss", "recall_B1_1", *(f"predicted_{level}" for level in LEVELS)):
            assert logged(trainer, f"eval_{name}_{key}")[-1] == pytest.approx(alone[f"eval_{key}"]), key
        assert sum(alone[f"eval_predicted_{level}"] for level in LEVELS) == len(part)


def test_batch_eval_metrics(make_classifier, rows, tmp_path):
    right = []

    def compute_metrics(evaluation, compute_result):
        right.extend((evaluation.predictions.argmax(-1) == evaluation.label_ids).tolist())
        return {"accuracy": np.mean(right)} if compute_result else {}

    args = settings(tmp_path, batch_eval_metrics=True, per_device_eval_batch_size=6)
    metrics = BLVTrainer(make_classifier(), args, eval_dataset=rows, compute_metrics=compute_metrics).evaluate()
    assert len(right) == 20
    hits = sum(metrics[f"eval_recall_{level}"] * count for level, count in zip(LEVELS, COUNTS, strict=True))
    assert metrics["eval_accuracy"] == pytest.approx(hits / 20)


def test_a_module_without_config_and_counts_is_evaluated_with_a_loss_of_the_users(rows, tmp_path):
    model = nn.Sequential(nn.Embedding(50, 4), nn.Flatten(), nn.Linear(24, 4))
    model.forward = lambda input_ids, labels=None, _forward=model.forward: {"logits": _forward(input_ids)}
    trainer = trained(model, settings(tmp_path), rows, eval_dataset=rows, loss=nn.CrossEntropyLoss())
    metrics = trainer.evaluate()
    assert sum(metrics[f"eval_predicted_{k}"] for k in range(4)) == 20


# ---- Callbacks, checkpoints, saving


def test_callbacks_see_the_events_that_plain_trainer_sends(make_classifier, rows, tmp_path):
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
    plainly_trained(make_classifier(), args, rows, eval_dataset=rows, callbacks=[theirs])
    args = settings(tmp_path / "ours", gradient_accumulation_steps=2, **options)
    trained(make_classifier(), args, rows, eval_dataset=rows, callbacks=[ours])
    assert ("on_substep_end", 0) in ours.events
    assert ours.events == theirs.events


def test_early_stopping_on_a_recall_and_the_best_model_at_the_end(make_classifier, rows, tmp_path):
    args = settings(
        tmp_path,
        num_train_epochs=6,
        learning_rate=1e-9,  # nothing improves, so the first evaluation stays the best
        eval_strategy="epoch",
        save_strategy="epoch",
        load_best_model_at_end=True,
        metric_for_best_model="recall_B1_1",
        greater_is_better=True,
        save_total_limit=1,
    )
    callbacks = [EarlyStoppingCallback(early_stopping_patience=2)]
    trainer = trained(make_classifier(), args, rows, eval_dataset=rows, callbacks=callbacks)
    assert trainer.state.global_step == 15
    assert trainer.state.best_model_checkpoint == str(tmp_path / "checkpoint-5")
    assert checkpoints(tmp_path) == [5]
    best = load_file(tmp_path / "checkpoint-5" / "model.safetensors")
    assert all(torch.equal(value, best[name]) for name, value in trainer.model.state_dict().items())
    assert json.loads((tmp_path / "checkpoint-5" / "config.json").read_text())["class_counts"] == COUNTS


def test_save_total_limit_and_save_only_model(make_classifier, rows, tmp_path):
    args = settings(tmp_path, save_strategy="steps", save_steps=1, save_total_limit=2, save_only_model=True)
    trainer = trained(make_classifier(), args, rows)
    assert checkpoints(tmp_path) == [4, 5]
    assert not (tmp_path / "checkpoint-5" / "optimizer.pt").exists()
    loaded = type(trainer.model).from_pretrained(tmp_path / "checkpoint-5")
    assert differing(loaded, trainer.model) == []
    assert loaded.config.training_loss["name"] == "blv"


def test_a_run_resumes_from_any_checkpoint_bit_for_bit(make_classifier, rows, tmp_path):
    def trainer(folder):
        args = settings(
            folder,
            num_train_epochs=2,  # steps of 8, 8 and 4 rows, twice
            gradient_accumulation_steps=2,
            loss_kwargs={"scope": "element", "sigma_schedule": "cosine"},
            save_strategy="steps",
            save_steps=1,
            eval_strategy="steps",
            eval_steps=2,
        )
        return BLVTrainer(make_classifier(dropout=0.1), args, train_dataset=rows, eval_dataset=rows)

    whole = trainer(tmp_path / "whole")
    whole.train()
    assert checkpoints(tmp_path / "whole") == list(range(1, 7))
    for step in range(1, 6):
        resumed = trainer(tmp_path / f"from-{step}")
        resumed.train(resume_from_checkpoint=str(tmp_path / "whole" / f"checkpoint-{step}"))
        assert differing(resumed.model, whole.model) == [], step
        assert checkpoints(tmp_path / f"from-{step}") == list(range(step + 1, 7))


def test_push_to_hub_without_a_tokenizer_is_refused_before_training(make_mean_pooled, rows, tmp_path):
    args = settings(tmp_path, push_to_hub=True, hub_model_id="someone/levels", hub_token="not-a-token")
    with pytest.raises(ValueError, match="push_to_hub needs the tokenizer.*processing_class=tokenizer"):
        trained(make_mean_pooled(), args, rows)


# ---- Data


def test_a_label_column_of_another_name(make_classifier, rows, tmp_path):
    class Renamed(nn.Module):
        def __init__(self):
            super().__init__()
            self.model = make_classifier()
            self.config = self.model.config

        def forward(self, input_ids, attention_mask=None, level=None):
            return self.model(input_ids=input_ids, attention_mask=attention_mask)

    args = settings(tmp_path, label_names=["level"])
    renamed = rows.rename_column("label", "level")
    trainer = trained(Renamed(), args, renamed, eval_dataset=renamed)
    assert trainer.class_counts == COUNTS
    assert differing(trainer.model.model, trained(make_classifier(), settings(tmp_path), rows).model) == []
    assert trainer.predict(renamed).label_ids.tolist() == rows["label"]


def test_unused_columns_are_removed_or_kept_as_asked(make_classifier, rows, tmp_path):
    rows = rows.add_column("speaker", [f"W_{k}" for k in range(20)])
    seen = []

    def collate(batch):
        seen.append(set(batch[0]))
        columns = {key: torch.tensor([row[key] for row in batch]) for key in ("input_ids", "attention_mask")}
        return columns | {"labels": torch.tensor([row["label"] for row in batch])}

    removed = trained(make_classifier(), settings(tmp_path), rows, data_collator=collate)
    args = settings(tmp_path, remove_unused_columns=False)
    kept = trained(make_classifier(), args, rows, data_collator=collate)
    assert seen[0] == {"input_ids", "attention_mask", "label"}
    assert seen[-1] == {"input_ids", "attention_mask", "label", "speaker"}
    assert differing(removed.model, kept.model) == []


def test_group_by_length_trains_as_plain_trainer_and_predicts_in_the_datasets_order(
    make_classifier, uneven_rows, tmp_path
):
    rows, pad = uneven_rows
    options = {**GROUP_BY_LENGTH, "per_device_eval_batch_size": 3}
    theirs = plainly_trained(make_classifier(), plain_settings(tmp_path, **options), rows, data_collator=pad)
    ours = trained(make_classifier(), settings(tmp_path, **NO_NOISE, **options), rows, data_collator=pad)
    assert differing(ours.model, theirs.model) == []
    assert ours.predict(rows).label_ids.tolist() == rows["label"]


@pytest.mark.parametrize("kind", ["torch", "datasets"])
def test_an_iterable_dataset_trains_with_class_counts_and_is_refused_without(make_classifier, rows, tmp_path, kind):
    stream = Stream(rows) if kind == "torch" else rows.rename_column("label", "labels").to_iterable_dataset()
    args = settings(tmp_path, max_steps=7, eval_strategy="steps", eval_steps=7)  # the stream runs out after five
    with pytest.raises(ValueError, match=r"IterableDataset, which cannot be counted beforehand: give class_counts=\["):
        BLVTrainer(make_classifier(), args, train_dataset=stream, eval_dataset=stream)
    trainer = trained(make_classifier(), args, stream, eval_dataset=stream, class_counts=COUNTS)
    assert trainer.state.global_step == 7
    assert sum(logged(trainer, f"eval_predicted_{level}")[0] for level in LEVELS) == 20
    in_order = plainly_trained(make_classifier(), plain_settings(tmp_path, max_steps=7), stream)
    args = settings(tmp_path, max_steps=7, **NO_NOISE)
    assert differing(trained(make_classifier(), args, stream, class_counts=COUNTS).model, in_order.model) == []


def test_dataloader_drop_last_drops_the_short_batch(make_classifier, rows, tmp_path):
    sizes = []

    class Watched(nn.CrossEntropyLoss):
        def forward(self, logits, labels):
            sizes.append(len(labels))
            return super().forward(logits, labels)

    args = settings(tmp_path, per_device_train_batch_size=3, gradient_accumulation_steps=2, dataloader_drop_last=True)
    trained(make_classifier(), args, rows, loss=Watched())
    assert sizes == [3] * 6


def test_every_split_of_a_batch_gives_the_same_weights(make_classifier, rows, tmp_path):
    rows = rows.select([*range(9), 18])  # one step of eight or fewer and one of two; rows of all four classes
    options = {"loss_kwargs": {"scope": "element"}, "num_train_epochs": 2, **PLAIN_SGD}
    whole = trained(make_classifier(), settings(tmp_path, **(options | {"per_device_train_batch_size": 8})), rows)
    assert whole.state.global_step == 4
    assert largest_difference(whole.model, make_classifier()) > 1e-4
    for batch, accumulation in ((4, 2), (2, 4), (1, 8)):
        split = {"per_device_train_batch_size": batch, "gradient_accumulation_steps": accumulation}
        parts = trained(make_classifier(), settings(tmp_path, **(options | split)), rows)
        assert parts.state.global_step == 4
        assert largest_difference(parts.model, whole.model) < 2e-7, (batch, accumulation)
        assert logged(parts, "train_loss") == pytest.approx(logged(whole, "train_loss"), rel=1e-5)


# ---- Training


def test_label_smoothing_factor_is_plain_trainers(make_classifier, rows, tmp_path):
    options = {"label_smoothing_factor": 0.2, **PLAIN_SGD}
    theirs = plainly_trained(make_classifier(), plain_settings(tmp_path, **options), rows)
    ours = trained(make_classifier(), settings(tmp_path, **NO_NOISE, **options), rows)
    unsmoothed = trained(make_classifier(), settings(tmp_path, **NO_NOISE, **PLAIN_SGD), rows)
    assert largest_difference(ours.model, theirs.model) < 2e-7
    assert largest_difference(ours.model, unsmoothed.model) > 1e-5


def test_bf16_autocast_trains_float32_weights_on_a_float32_loss(make_classifier, rows, tmp_path):
    trainer = BLVTrainer(make_classifier(), settings(tmp_path, bf16=True), train_dataset=rows)
    dtypes = set()
    trainer.loss_fn.register_forward_hook(lambda module, inputs, output: dtypes.add(output.dtype))
    trainer.train()
    exact = trained(make_classifier(), settings(tmp_path), rows)
    assert dtypes == {torch.float32}
    assert {parameter.dtype for parameter in trainer.model.parameters()} == {torch.float32}
    assert 0 < largest_difference(trainer.model, exact.model) < 0.05


def test_gradient_checkpointing_changes_no_bit(make_classifier, rows, tmp_path):
    model = make_classifier(dropout=0.1)
    layer = next(module for module in model.modules() if isinstance(module, GradientCheckpointingLayer))
    passes = ForwardPasses(next(layer.children()))
    checkpointed = trained(model, settings(tmp_path, gradient_checkpointing=True), rows)
    assert passes.count == 10  # twice in each of five steps
    assert differing(checkpointed.model, trained(make_classifier(dropout=0.1), settings(tmp_path), rows).model) == []


@pytest.mark.slow
def test_torch_compile_gives_the_same_weights(make_classifier, rows, tmp_path):
    options = {"loss_kwargs": {"scope": "element"}, **PLAIN_SGD}
    args = settings(tmp_path, torch_compile=True, eval_strategy="epoch", **options)
    compiled = trained(make_classifier(), args, rows, eval_dataset=rows)
    exact = trained(make_classifier(), settings(tmp_path, **options), rows)
    assert largest_difference(compiled.model, exact.model) < 1e-6
    compiled.save_model()
    assert json.loads((tmp_path / "config.json").read_text())["class_counts"] == COUNTS


def lora(peft):
    return peft.LoraConfig(task_type="SEQ_CLS", target_modules=r".*\.(query|value|q_lin|v_lin|Wqkv)", r=2)


def test_peft_lora_trains_and_saves_an_adapter(make_classifier, rows, tmp_path):
    import peft

    def adapted():
        return peft.get_peft_model(make_classifier(), lora(peft))

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
    loaded = peft.PeftModel.from_pretrained(make_classifier(), saved)
    logits = trainer.predict(rows).predictions
    assert np.array_equal(BLVTrainer(loaded, settings(tmp_path)).predict(rows).predictions, logits)
    merged = trainer.model.merge_and_unload()
    merged.save_pretrained(tmp_path / "merged")
    config = type(merged).from_pretrained(tmp_path / "merged").config
    assert (config.class_counts, config.training_loss["sigma"], config.decision) == (COUNTS, 2, "raw")


def test_peft_lora_with_sigma_0_equals_plain_trainer_bit_for_bit(make_classifier, rows, tmp_path):
    import peft

    def adapted():
        return peft.get_peft_model(make_classifier(), lora(peft))

    theirs = plainly_trained(adapted(), plain_settings(tmp_path), rows)
    assert differing(trained(adapted(), settings(tmp_path, **NO_NOISE), rows).model, theirs.model) == []


def test_peft_around_a_module_without_config_is_saved(rows, tmp_path):
    import peft

    class Custom(nn.Module):
        def __init__(self):
            super().__init__()
            self.embedding = nn.Embedding(50, 8)
            self.head = nn.Linear(8, 4)

        def forward(self, input_ids, labels=None):
            return {"logits": self.head(self.embedding(input_ids).mean(dim=1))}

    model = peft.get_peft_model(Custom(), peft.LoraConfig(target_modules=["head"], r=2))
    trainer = trained(model, settings(tmp_path), rows, eval_dataset=rows, class_counts=COUNTS)
    trainer.save_model()
    assert (tmp_path / "adapter_model.safetensors").exists()
    assert sum(trainer.evaluate()[f"eval_predicted_{k}"] for k in range(4)) == 20


def test_auto_find_batch_size_starts_over_as_if_nothing_had_been(make_classifier, rows, tmp_path):
    options = {"gradient_accumulation_steps": 2, "loss_kwargs": {"scope": "element"}}
    model = make_classifier()
    passes = ForwardPasses(model, fail_at=2)  # in the middle of the first step
    args = settings(tmp_path, per_device_train_batch_size=5, auto_find_batch_size=True, **options)
    restarted = trained(model, args, rows)
    found = restarted.state.train_batch_size  # nine tenths or half of it, by the version of accelerate
    fresh = trained(make_classifier(), settings(tmp_path, per_device_train_batch_size=found, **options), rows)
    assert found < 5
    assert passes.count == 2 + math.ceil(20 / found)
    assert differing(restarted.model, fresh.model) == []


def test_model_init_builds_the_model_anew_for_each_training(make_classifier, rows, tmp_path):
    trainer = BLVTrainer(
        model_init=without_touching_the_random_stream(make_classifier), args=settings(tmp_path), train_dataset=rows
    )
    assert trainer.class_counts == COUNTS
    trainer.train()
    first = trainer.model
    trainer.train()
    assert trainer.model is not first
    assert differing(trainer.model, first) == []
    assert differing(first, trained(make_classifier(), settings(tmp_path), rows).model) == []


def test_optimizers_and_optimizer_class_given_by_the_user_are_used(make_classifier, rows, tmp_path):
    model = make_classifier()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: 1.0)
    instance = trained(model, settings(tmp_path, max_grad_norm=0.0), rows, optimizers=(optimizer, schedule))
    chosen = (torch.optim.SGD, {"lr": 0.1})
    args = settings(tmp_path, max_grad_norm=0.0, lr_scheduler_type="constant")
    by_class = trained(make_classifier(), args, rows, optimizer_cls_and_kwargs=chosen)
    assert instance.lr_scheduler is schedule
    assert largest_difference(model, make_classifier()) > 1e-4
    assert differing(model, by_class.model) == []


def test_max_steps_ends_training(make_classifier, rows, tmp_path):
    trainer = trained(make_classifier(), settings(tmp_path, max_steps=7), rows)
    assert trainer.state.global_step == 7
    assert trainer.loss_fn.step.index == 6
    assert trainer.loss_fn.step.max_steps == 7


# ---- Hyperparameter search


class Watch(TrainerCallback):
    """Notes the loss at the end of each training."""

    def __init__(self):
        self.trainer, self.losses = None, []

    def on_train_end(self, args, state, control, **kwargs):
        self.losses.append(self.trainer.loss_fn)


def searcher(make_classifier, rows, args, **kwargs):
    watch = Watch()
    watch.trainer = BLVTrainer(
        model_init=without_touching_the_random_stream(make_classifier),
        args=args,
        train_dataset=rows,
        eval_dataset=rows,
        callbacks=[watch],
        **kwargs,
    )
    return watch.trainer, watch.losses


def test_hyperparameter_search_over_sigma_trains_each_trial_with_its_own(make_classifier, rows, tmp_path):
    import optuna

    trainer, losses = searcher(make_classifier, rows, settings(tmp_path, max_steps=2))
    objectives = []

    def objective(metrics):
        objectives.append(metrics["eval_loss"])
        return metrics["eval_loss"]

    best = trainer.hyperparameter_search(
        hp_space=lambda trial: {"loss_kwargs": {"sigma": trial.suggest_float("sigma", 0, 6), "scope": "element"}},
        compute_objective=objective,
        n_trials=3,
        direction="minimize",
        backend="optuna",
        sampler=optuna.samplers.GridSampler({"sigma": [0.0, 2.0, 6.0]}, seed=0),
    )
    assert sorted(loss.sigma for loss in losses) == [0, 2, 6]
    assert {loss.scope for loss in losses} == {"element"}
    for loss, reached in zip(losses, objectives, strict=True):
        args = settings(tmp_path, max_steps=2, loss_kwargs={"sigma": loss.sigma, "scope": "element"})
        alone = trained(make_classifier(), args, rows, eval_dataset=rows)
        assert alone.evaluate()["eval_loss"] == reached
    assert len(set(objectives)) == 3
    assert best.hyperparameters == {"sigma": losses[objectives.index(min(objectives))].sigma}


def test_hyperparameter_search_over_losses(make_mean_pooled, rows, tmp_path):
    import optuna

    trainer, losses = searcher(make_mean_pooled, rows, settings(tmp_path, max_steps=1))
    trainer.hyperparameter_search(
        hp_space=lambda trial: {"loss": trial.suggest_categorical("loss", ["focal", "cross_entropy", "blv"])},
        n_trials=3,
        backend="optuna",
        sampler=optuna.samplers.GridSampler({"loss": ["focal", "cross_entropy", "blv"]}, seed=0),
    )
    assert {type(loss).__name__ for loss in losses} == {"FocalLoss", "CrossEntropyLoss", "BLVLoss"}


@pytest.mark.parametrize("with_metrics", [False, True])
def test_the_default_objective_of_a_search_is_plain_trainers(make_mean_pooled, rows, tmp_path, with_metrics):
    compute_metrics = (lambda evaluation: {"ours": 0.25, "recall_A2": 0.5}) if with_metrics else None
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
        ({"loss_kwargs": {"sigma": -1}}, {}, "sigma=-1 cannot be used"),
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


# ---- Reports


def test_report_to_tensorboard_holds_recalls_and_the_histogram(make_mean_pooled, rows, tmp_path, monkeypatch):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    monkeypatch.setenv("TENSORBOARD_LOGGING_DIR", str(tmp_path / "runs"))
    args = settings(tmp_path, report_to="tensorboard", logging_steps=1, eval_strategy="epoch")
    trainer = trained(make_mean_pooled(), args, rows, eval_dataset=rows)
    (folder,) = {path.parent for path in (tmp_path / "runs").rglob("events.*")}
    events = EventAccumulator(str(folder)).Reload()
    assert len(events.Scalars("train/loss")) == 5
    for key in ("recall_A2", "predicted_A2"):
        assert events.Scalars(f"eval/{key}")[0].value == pytest.approx(logged(trainer, f"eval_{key}")[0])


def test_report_to_trackio_holds_recalls_and_the_histogram(make_mean_pooled, rows, tmp_path, monkeypatch):
    reason = "trackio brings a whole web application with it"
    monkeypatch.setenv("TRACKIO_DIR", str(tmp_path / "trackio"))
    trackio = pytest.importorskip("trackio", reason=reason)
    seen = []
    monkeypatch.setattr(trackio, "log", lambda metrics, *args, **kwargs: seen.append(metrics))
    options = {"report_to": "trackio", "project": "levels", "trackio_space_id": None}  # None: no Space on the Hub
    args = settings(tmp_path, logging_steps=1, eval_strategy="epoch", **options)
    trained(make_mean_pooled(), args, rows, eval_dataset=rows)
    assert any("eval/recall_A2" in metrics and "eval/predicted_A2" in metrics for metrics in seen)
