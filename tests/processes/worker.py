"""What one process does in ``test_processes.py``: train, evaluate, and write down what it saw.

    python -m torch.distributed.run --standalone --nproc_per_node 2 worker.py SCENARIO,SCENARIO FOLDER

That is how ``accelerate launch`` starts processes for several devices; on the processor alone it would need MPI.
Accelerate, inside Trainer, finds the other process through the environment and talks to it by gloo.
"""

import json
import os
import sys
from pathlib import Path

os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["CUDA_VISIBLE_DEVICES"] = ""

import torch
from datasets import Dataset
from safetensors.torch import save_file
from transformers import BertConfig, BertForSequenceClassification, TrainerCallback, TrainingArguments

from blv_trainer import (
    BLVTrainer,
    BLVTrainingArguments,
    MeanPooledConfig,
    MeanPooledForSequenceClassification,
    make_compute_metrics,
)

torch.set_num_threads(1)

LEVELS = ["A2", "B1_1", "B1_2", "B2"]
LABELS = [0, 1, 1, 2, 1, 2, 2, 2, 3, 1, 2, 1, 2, 0, 1, 2, 2, 1, 3, 2, 2, 1, 0, 2]  # 24 rows: 3, 8, 11, 2


def make_rows(num_rows=24, *, ignored=()):
    generator = torch.Generator().manual_seed(1)
    input_ids = torch.randint(4, 50, (len(LABELS), 6), generator=generator).tolist()
    labels = [-100 if row in ignored else label for row, label in enumerate(LABELS)]
    whole = {"input_ids": input_ids, "attention_mask": [[1] * 6] * len(LABELS), "label": labels}
    return Dataset.from_dict(whole).select(range(num_rows))


def make_model(*, mean_pooled=False):
    torch.manual_seed(0)
    encoder = {
        "hidden_size": 16,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "intermediate_size": 32,
        "vocab_size": 50,
        "max_position_embeddings": 32,
        "hidden_dropout_prob": 0.0,
        "attention_probs_dropout_prob": 0.0,
        "initializer_range": 0.3,  # so that untrained predictions vary
    }
    labels = {"num_labels": 4, "id2label": dict(enumerate(LEVELS))}
    if mean_pooled:
        config = MeanPooledConfig({"model_type": "bert", **encoder}, classifier_dropout=0.0, **labels)
        return MeanPooledForSequenceClassification(config)
    return BertForSequenceClassification(BertConfig(**encoder, **labels))


def make_args(folder, *, batch, cls=BLVTrainingArguments, **kwargs):
    """Settings under which weights differ as gradients do; ``batch`` rows in all processes together."""
    defaults = {
        "per_device_train_batch_size": batch // int(os.environ.get("WORLD_SIZE", "1")),
        "per_device_eval_batch_size": 4,
        "num_train_epochs": 2,
        "learning_rate": 0.1,
        "optim": "sgd",
        "max_grad_norm": 0.0,
        "save_strategy": "no",
        "report_to": "none",
        "disable_tqdm": True,
        "use_cpu": True,
        "dataloader_pin_memory": False,
        "seed": 3,
    }
    return cls(str(folder), **(defaults | kwargs))


def train(folder, *, ignored=(), batch=8, mean_pooled=False, resume=None, **kwargs):
    """Train on 24 rows in steps of 8; what was drawn, what was logged, and the weights at the end."""
    args = make_args(folder, batch=batch, logging_steps=1, **kwargs)
    trainer = BLVTrainer(make_model(mean_pooled=mean_pooled), args, train_dataset=make_rows(ignored=ignored))
    drawn, draw = [], trainer.loss_fn._magnitude

    def keep(logits):
        drawn.append(draw(logits))
        return drawn[-1]

    trainer.loss_fn._magnitude = keep
    trainer.train(resume_from_checkpoint=resume)
    save_file(trainer.model.state_dict(), folder / f"weights-{trainer.args.process_index}.safetensors")
    losses = [entry["loss"] for entry in trainer.state.log_history if "loss" in entry]
    return {"draws": [magnitude.tolist() for magnitude in drawn], "losses": losses}


def resumed(folder):
    options = {"loss_kwargs": {"scope": "element"}, "save_strategy": "steps", "save_steps": 1}
    whole = train(folder, **options)
    again = train(folder, resume=str(folder / "checkpoint-4"), **options)
    return {"draws": whole["draws"][:4] + again["draws"], "losses": again["losses"]}


def evaluation(folder):
    """Evaluate and predict 21 rows, which two processes with batches of 4 cannot share evenly; then save."""
    rows = make_rows(21, ignored=[3])
    # Processes share one folder as a rule; with one each it shows who writes what
    own = folder / f"by-{os.environ.get('RANK', '0')}"
    args = make_args(own, batch=8, eval_strategy="epoch", save_strategy="epoch", num_train_epochs=1)
    trainer = BLVTrainer(
        make_model(), args, train_dataset=make_rows(), eval_dataset=rows, compute_metrics=make_compute_metrics(LEVELS)
    )
    trainer.train()
    trainer.save_model()
    output = trainer.predict(rows)
    stream = rows.rename_column("label", "labels").to_iterable_dataset()
    return {
        "metrics": without_times(trainer.evaluate()),
        "streamed": without_times(trainer.evaluate(stream)),
        "logits": output.predictions.tolist(),
        "labels": output.label_ids.tolist(),
    }


def without_times(metrics):
    times = ("_runtime", "_per_second", "_time")
    return {key: value for key, value in metrics.items() if not key.endswith(times)}


def search(folder):
    """A search over sigma: every process trains each trial with the sigma that the first one drew."""
    sigmas = []

    class Note(TrainerCallback):
        def on_train_end(self, args, state, control, **kwargs):
            sigmas.append(trainer.loss_fn.sigma)

    trainer = BLVTrainer(
        model_init=lambda: make_model(),
        args=make_args(folder, batch=8, max_steps=1),
        train_dataset=make_rows(),
        eval_dataset=make_rows(),
        callbacks=[Note()],
    )
    trainer.hyperparameter_search(
        hp_space=lambda trial: {"loss_kwargs": {"sigma": trial.suggest_float("sigma", 0, 6)}},
        n_trials=2,
        direction="minimize",
        backend="optuna",
    )
    return {"sigmas": sigmas}


class PoisonsTheLastProcess(TrainerCallback):
    def on_step_end(self, args, state, control, model, **kwargs):
        if state.global_step == 2 and args.process_index == args.world_size - 1:
            next(model.parameters()).data.fill_(float("nan"))


def poisoned(folder):
    given = {"train_dataset": make_rows(), "callbacks": [PoisonsTheLastProcess()]}
    BLVTrainer(make_model(), make_args(folder, batch=8), **given).train()


ELEMENT = {"loss_kwargs": {"scope": "element"}}
TRAININGS = {
    "scope_step": {"loss_kwargs": {"scope": "step"}},
    "scope_element": ELEMENT,
    "accumulation": {**ELEMENT, "batch": 4, "gradient_accumulation_steps": 2},
    # Spread unevenly over the processes, so that the mean of their means is not the mean of the batch
    "ignored_labels": {"loss_kwargs": {"scope": "sample"}, "ignored": [0, 1, 2, 5, 9]},
    "local_averages": {**ELEMENT, "average_tokens_across_devices": False},
    "mean_pooled_model_and_plain_arguments": {"mean_pooled": True, "cls": TrainingArguments},
}
SCENARIOS = {scenario.__name__: scenario for scenario in (resumed, evaluation, search, poisoned)}


def main(names, folder):
    for name in names:
        own = folder / name
        own.mkdir(parents=True, exist_ok=True)
        seen = SCENARIOS[name](own) if name in SCENARIOS else train(own, **TRAININGS[name])
        rank = os.environ.get("RANK", "0")
        (own / f"seen-{rank}.json").write_text(json.dumps(seen))


if __name__ == "__main__":
    main(sys.argv[1].split(","), Path(sys.argv[2]))
