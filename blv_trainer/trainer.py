"""``transformers.Trainer`` with a loss for long-tailed labels."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeAlias, cast

import torch
from torch import nn
from torch.utils.data import DataLoader
from transformers import EvalPrediction, PreTrainedModel, Trainer, TrainerCallback, TrainingArguments
from transformers.trainer_utils import BestRun, EvalLoopOutput, TrainOutput, default_compute_objective

from blv_trainer import hub
from blv_trainer.checks import IGNORE_INDEX
from blv_trainer.losses import ImbalanceLoss, TrainingStep, describe_loss, logits_of
from blv_trainer.training.best_metric import add_distance, check_trainers_metric, settle_direction
from blv_trainer.training.checkpoints import NothingLeftError, WholeCheckpoints, check_finite, trained_before
from blv_trainer.training.evaluation_by_class import EvaluationByClass, class_names
from blv_trainer.training.loss_choice import checked_label_name, resolve_class_counts, resolve_loss

Count: TypeAlias = torch.Tensor | int | None  # of the labelled rows of a step


class BLVTrainer(Trainer):
    """A drop-in replacement for ``transformers.Trainer`` that overrides ``compute_loss``.

    Takes any model that returns ``logits (batch, num_classes)``. What differs from ``Trainer``:

    - The loss is chosen by name or given as a module; the logits are perturbed only while ``model.training``, and
      ``eval_loss`` is the plain cross-entropy of the raw logits for every loss, so that runs compare. It is the mean
      over the labelled rows, each counted once also where several processes share them unevenly.
    - Gradient accumulation, an uneven last micro-batch and several processes give the gradient of the one big batch,
      also for models whose ``forward`` takes ``**kwargs``, where ``Trainer``'s gradients grow with the number of
      accumulation steps.
    - Random draws of the loss depend on (seed, step, row): a resumed run equals the uninterrupted one, but for an
      ``IterableDataset`` in its second pass. A run that has all its steps makes no further one.
    - The best checkpoint by one of our own metrics is the best: which values are better is known.
    - Each evaluation logs the recall of each class and how often it was predicted; a class of the evaluation set that
      is never predicted gets one warning.
    - A loss or weights that are not finite stop the run; a step without any labelled row changes no gradient.
    - Checkpoints are on the disk before older ones go, and none has weights that are not finite.
    - ``predict`` gives rows in the dataset's order also where training groups rows by length.
    - Saved configs hold ``class_counts``, ``training_loss`` and ``decision``; PEFT saves an adapter without config, so
      there the merged model's config holds them.
    - ``hyperparameter_search`` reaches the loss: where ``hp_space`` returns ``loss`` or ``loss_kwargs``, such as
      ``{"loss_kwargs": {"sigma": trial.suggest_float("sigma", 0, 6)}}``, each trial builds its loss from them. The
      options not named have their defaults. ``args`` must be a ``BLVTrainingArguments``. The default objective is
      ``Trainer``'s: ``eval_loss``, or the sum of what ``compute_metrics`` returns.

    Args:
        model: as in ``Trainer``, like all that is not named here.
        args: a ``BLVTrainingArguments``, or a plain ``TrainingArguments`` for BLV with sigma 6.
        compute_loss_func: must stay None; give ``loss``.
        loss: a key of ``LOSSES`` (with ``args.loss_kwargs``), or a module called as ``loss(logits, labels)`` that
            returns a mean; instead of ``args.loss``.
        class_counts: training examples of each class, in label order. Counted from ``train_dataset`` unless given; an
            ``IterableDataset`` cannot be counted.

    Raises:
        ValueError: ``compute_loss_func``; an unknown loss or option; regression or multi-label models; labels missing,
            out of range or all equal; an ``IterableDataset`` without ``class_counts``.
        FloatingPointError: the loss or weights are not finite; the message names step and last good checkpoint.
        OSError: a checkpoint could not be written; nothing of it is left.

    Reference:
        Tsai et al.: Mitigating Data Imbalance in Automated Speaking Assessment. 2025, arXiv 2509.03010.
    """

    model: PreTrainedModel | nn.Module  # Trainer declares None as possible, but raises
    # So Trainer counts the labelled items of all micro-batches of a step and leaves the loss as it is, whatever it
    # finds in the model and people set to mend its accumulation.
    model_accepts_loss_kwargs = property(lambda self: True, lambda self, value: None)
    loss_is_scaled_for_ga = property(lambda self: None, lambda self, value: None)  # it is where items were counted

    def __init__(
        self,
        model: PreTrainedModel | nn.Module | None = None,
        args: TrainingArguments | None = None,
        data_collator: Callable[[Any], Any] | None = None,
        train_dataset: Any = None,
        eval_dataset: Any = None,
        processing_class: Any = None,
        model_init: Callable[..., PreTrainedModel] | None = None,
        compute_loss_func: None = None,
        compute_metrics: Callable[[EvalPrediction], dict[str, Any]] | None = None,
        callbacks: list[TrainerCallback] | None = None,
        optimizers: tuple[torch.optim.Optimizer | None, torch.optim.lr_scheduler.LambdaLR | None] = (None, None),
        optimizer_cls_and_kwargs: tuple[type[torch.optim.Optimizer], dict[str, Any]] | None = None,
        preprocess_logits_for_metrics: Callable[[torch.Tensor, torch.Tensor], torch.Tensor] | None = None,
        *,
        loss: str | nn.Module | None = None,
        class_counts: Sequence[int] | torch.Tensor | None = None,
    ):
        if compute_loss_func is not None:
            raise ValueError(
                "compute_loss_func was given, but BLVTrainer computes the loss itself: pass a module as loss=..., or "
                "use transformers.Trainer."
            )
        super().__init__(
            model=model,
            args=args,
            data_collator=data_collator,
            train_dataset=train_dataset,
            eval_dataset=eval_dataset,
            processing_class=processing_class,
            model_init=model_init,
            compute_metrics=compute_metrics,
            callbacks=callbacks,
            optimizers=optimizers,
            optimizer_cls_and_kwargs=optimizer_cls_and_kwargs,
            preprocess_logits_for_metrics=preprocess_logits_for_metrics,
        )
        self.label_names: list[str] = [checked_label_name(self.label_names, self.model, given=self.args.label_names)]
        self.class_counts = resolve_class_counts(
            class_counts, self.train_dataset, self.model, loss=loss, label_name=self.label_names[0]
        )
        settle_direction(self.args, self.eval_dataset if isinstance(self.eval_dataset, dict) else ())
        self._given_loss = loss
        self.loss_fn = resolve_loss(loss, self.args, self.class_counts, config=self._config)
        self._checkpoints = WholeCheckpoints()
        self._checkpoints.listen(self.callback_handler)
        self._rows_before = 0  # rows of this step in earlier micro-batches, all processes together
        self._by_class = EvaluationByClass()

    @property
    def _config(self) -> Any:
        return getattr(self.model, "config", None)  # plain torch modules have none

    def train(self, resume_from_checkpoint: str | bool | None = None, *args: Any, **kwargs: Any) -> TrainOutput:
        """As in ``Trainer``; ``True`` goes on from the last checkpoint that is whole.

        A checkpoint that has all steps is loaded, or the best one; the loss of no step is nan. Refuses
        a model with a decision folded in, whose head is no longer what training left.
        """
        decision = getattr(self._config, "decision", "raw")
        if decision != "raw":
            raise ValueError(
                f"the model's head holds a folded decision ({decision}): train from the checkpoint as it was before "
                "folding."
            )
        check_trainers_metric(self, class_names(self.model, len(self.class_counts or ())))
        resume_from_checkpoint = self._checkpoints.resume(self.args, resume_from_checkpoint)
        try:
            output = super().train(resume_from_checkpoint, *args, **kwargs)
        except NothingLeftError:
            output = trained_before(self)
        check_finite(self)
        return output

    def hyperparameter_search(
        self, hp_space: Callable[..., Any] | None = None, compute_objective: Any = None, *args: Any, **kwargs: Any
    ) -> BestRun | list[BestRun]:
        """As in ``Trainer``; its default objective is without recalls and counts, added here, and undefined metrics."""
        return super().hyperparameter_search(hp_space, compute_objective or self._default_objective, *args, **kwargs)

    def _default_objective(self, metrics: dict[str, float]) -> float:
        added = self._by_class.added_metrics
        return default_compute_objective({k: v for k, v in metrics.items() if k not in added and v == v})

    def _hp_search_setup(self, trial: Any) -> None:
        super()._hp_search_setup(trial)
        if trial is not None:  # args may have another loss now
            self.loss_fn = resolve_loss(self._given_loss, self.args, self.class_counts, config=self._config)

    def get_batch_samples(self, *args: Any) -> tuple[list[Any], Count]:
        """The micro-batches of the next optimisation step and their number of labelled items."""
        self._rows_before = 0
        return super().get_batch_samples(*args)

    def _get_num_items_in_batch(self, batch_samples: list[Any], device: torch.device) -> torch.Tensor | None:
        (name,) = self.label_names
        labels = [batch[name] for batch in batch_samples if name in batch]
        if self.args.n_gpu > 1 and labels:
            # DataParallel brings the logits of the whole batch together, so nothing is divided among the devices.
            num_items = sum((label != IGNORE_INDEX).sum() for label in labels).to(device)
        else:
            num_items = super()._get_num_items_in_batch([{"labels": label} for label in labels], device)
        # A step without any labelled row has the loss 0, not 0 / 0, and no gradient.
        return None if num_items is None else torch.as_tensor(num_items).clamp(min=1)

    def training_step(self, model: nn.Module, inputs: dict[str, Any], num_items_in_batch: Count = None) -> torch.Tensor:
        """One forward and backward pass; stops the run if the loss is not finite."""
        loss = super().training_step(model, inputs, num_items_in_batch)
        check_finite(self, loss)  # not before the backward pass: Trainer waits for the device here anyway
        return loss

    def compute_loss(
        self, model: nn.Module, inputs: dict[str, Any], return_outputs: bool = False, num_items_in_batch: Count = None
    ) -> torch.Tensor | tuple[torch.Tensor, Any]:
        """The chosen loss while ``model.training``; the plain cross-entropy of the raw logits otherwise."""
        (name,) = self.label_names
        if inputs.get(name) is None:
            raise ValueError(
                f"the batch has no {name!r}, only {', '.join(inputs)}: the dataset needs a label column that the "
                "collator passes on."
            )
        outputs = model(**{key: value for key, value in inputs.items() if key != name})
        logits = logits_of(outputs)
        labels = inputs[name].to(logits.device)
        if labels.shape == (len(logits), 1):
            labels = labels.squeeze(1)
        if model.training:
            loss = self._training_loss(logits, labels, num_items_in_batch)
        else:
            loss = self._by_class.loss(logits, labels, gather=self.accelerator.gather_for_metrics)
        if not return_outputs:
            return loss
        # Trainer takes the first element of a tuple for the loss.
        return loss, outputs if isinstance(outputs, dict) else (loss, *outputs)

    def _training_loss(self, logits: torch.Tensor, labels: torch.Tensor, num_items_in_batch: Count) -> torch.Tensor:
        if self.loss_fn is None:
            raise ValueError("no loss could be built without class counts: give train_dataset or class_counts=[...].")
        rank, num_processes = self.args.process_index, self.args.world_size
        if isinstance(self.loss_fn, ImbalanceLoss):
            self.loss_fn.step = TrainingStep(
                seed=self.args.seed,
                index=self.state.global_step,
                max_steps=self.state.max_steps,
                first_row=self._rows_before + rank * len(labels),
            )
            loss = self.loss_fn(logits, labels, num_items_in_batch)
        elif "num_items_in_batch" in inspect.signature(self.loss_fn.forward).parameters:
            loss = self.loss_fn(logits, labels, num_items_in_batch=num_items_in_batch)
        elif not (labels != IGNORE_INDEX).any():
            loss = 0 * logits.sum()  # a mean over no rows would be nan
        else:
            loss = self.loss_fn(logits, labels)
            if num_items_in_batch is not None:  # its mean over this micro-batch, as a share of the whole batch
                loss = loss * ((labels != IGNORE_INDEX).sum() / num_items_in_batch)
        self._rows_before += num_processes * len(labels)
        if self.args.average_tokens_across_devices and num_items_in_batch is not None and self.args.n_gpu <= 1:
            # The count is over all processes, and the processes' gradients will be averaged, not summed.
            loss = loss * (self.accelerator.num_processes // self.get_tp_size())
        return loss

    def _get_eval_sampler(self, eval_dataset: Any) -> None:
        return None  # the dataset's order: Trainer would shuffle the rows where training groups them by length

    def evaluation_loop(
        self,
        dataloader: DataLoader,
        description: str,
        prediction_loss_only: bool | None = None,
        ignore_keys: list[str] | None = None,
        metric_key_prefix: str = "eval",
    ) -> EvalLoopOutput:
        """As in ``Trainer``; adds each class's recall and number of predictions to the metrics."""
        self._by_class.begin()
        output = super().evaluation_loop(dataloader, description, prediction_loss_only, ignore_keys, metric_key_prefix)
        self._by_class.end(self, cast(dict, output.metrics), prefix=metric_key_prefix)
        add_distance(self.args, cast(dict, output.metrics), prefix=metric_key_prefix)
        return output

    def _save_checkpoint(self, model: nn.Module, trial: Any) -> None:
        check_finite(self)  # so that every checkpoint is a good one
        with self._checkpoints.saving(self, Path(self._get_output_dir(trial=trial))):
            super()._save_checkpoint(model, trial)

    def save_model(self, output_dir: str | None = None, _internal_call: bool = False) -> None:
        """As in ``Trainer``, with class counts, loss and decision in the saved config, and ``training_args.json``."""
        if self._config is not None and self.loss_fn is not None:
            self._config.class_counts, self._config.training_loss = self.class_counts, describe_loss(self.loss_fn)
            self._config.decision = getattr(self._config, "decision", "raw")
        super().save_model(output_dir, _internal_call)
        if self.args.should_save:
            hub.write_training_args(self.args, output_dir)

    def create_model_card(self, *args: Any, **kwargs: Any) -> None:
        """As in ``Trainer``, with every metric, class counts, loss, decision and limits in the card."""
        if self.is_world_process_zero():
            hub.write_trainer_card(self, *args, **kwargs)

    def init_hf_repo(self, token: str | None = None, private: bool | None = None) -> None:
        """As in ``Trainer``; what the Hub refuses is a sentence."""
        if self.is_world_process_zero():
            name: Any = hub.trainer_pushes.open_repository_of(self, token=token, private=private)
            self.hub_model_id = name  # declared None
            self.push_in_progress = None

    def push_to_hub(
        self,
        commit_message: str | None = "End of training",
        blocking: bool = True,
        token: str | None = None,
        revision: str | None = None,
        private: bool | None = None,
        **kwargs: Any,
    ) -> Any:
        """As in ``Trainer``, but all is checked first and sent in one commit, and no pickle goes along."""
        choices: dict[str, Any] = {"token": token, "revision": revision, "private": private, "card": kwargs}
        return hub.trainer_pushes.push_trained(self, commit_message=commit_message, blocking=blocking, **choices)

    def _push_from_checkpoint(self, checkpoint_folder: str) -> None:
        hub.trainer_pushes.push_checkpoint(self, checkpoint_folder)
