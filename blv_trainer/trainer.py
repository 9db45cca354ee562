"""``transformers.Trainer`` with a loss for long-tailed labels."""

from __future__ import annotations

import inspect
import logging
from collections.abc import Sequence

import torch
from torch import nn
from torch.nn import functional as F
from transformers import Trainer
from transformers.trainer_utils import default_compute_objective

from blv_trainer.confusion import ConfusionCounter
from blv_trainer.loss_choice import check_head, describe_loss, resolve_class_counts, resolve_loss, single_label_name
from blv_trainer.losses import IGNORE_INDEX, ImbalanceLoss, TrainingStep
from blv_trainer.losses.base import check_labels, logits_of

logger = logging.getLogger(__name__)


class BLVTrainer(Trainer):
    """A drop-in replacement for ``transformers.Trainer`` that overrides ``compute_loss``.

    Takes any model that returns ``logits (batch, num_classes)``. What differs from ``Trainer``:

    - The loss is chosen by name or given as a module; the logits are perturbed only while ``model.training``, and
      ``eval_loss`` is the plain cross-entropy of the raw logits for every loss, so that runs compare. It is the mean
      over the labelled rows, each counted once also where several processes share them unevenly.
    - Gradient accumulation, an uneven last micro-batch and several processes give the gradient of the one big batch,
      also for models whose ``forward`` takes ``**kwargs``, where ``Trainer``'s gradients grow with the number of
      accumulation steps.
    - Random draws of the loss depend on (seed, step, row): a resumed run equals the uninterrupted one.
    - Each evaluation logs the recall of each class and how often it was predicted; a class of the evaluation set that
      is never predicted gets one warning.
    - A loss that is not finite stops the run.
    - ``predict`` gives rows in the dataset's order also where training groups rows by length.
    - Saved configs hold ``class_counts``, ``training_loss`` and ``decision``; PEFT saves an adapter without config, so
      there the merged model's config holds them.
    - ``hyperparameter_search`` reaches the loss: where ``hp_space`` returns ``loss`` or ``loss_kwargs``, such as
      ``{"loss_kwargs": {"sigma": trial.suggest_float("sigma", 0, 6)}}``, each trial builds its loss from them. The
      options not named have their defaults. ``args`` must be a ``BLVTrainingArguments``. The default objective is
      ``Trainer``'s: ``eval_loss``, or the sum of what ``compute_metrics`` returns.

    Args:
        model, args, data_collator, train_dataset, eval_dataset, processing_class, model_init, compute_metrics,
            callbacks, optimizers, optimizer_cls_and_kwargs, preprocess_logits_for_metrics: as in ``Trainer``. ``args``
            is a ``BLVTrainingArguments``, or a plain ``TrainingArguments`` for BLV with sigma 6.
        compute_loss_func: must stay None; give ``loss``.
        loss: a key of ``LOSSES`` (with ``args.loss_kwargs``), or a module called as ``loss(logits, labels)`` that
            returns a mean; instead of ``args.loss``.
        class_counts: training examples of each class, in label order. Counted from ``train_dataset`` unless given; an
            ``IterableDataset`` cannot be counted.

    Raises:
        ValueError: ``compute_loss_func``; an unknown loss or option; regression or multi-label models; labels missing,
            out of range or all equal; an ``IterableDataset`` without ``class_counts``.
        FloatingPointError: the loss is not finite; the message names the step.

    Reference:
        Tsai et al.: Mitigating Data Imbalance in Automated Speaking Assessment. 2025, arXiv 2509.03010.
    """

    def __init__(
        self,
        model=None,
        args=None,
        data_collator=None,
        train_dataset=None,
        eval_dataset=None,
        processing_class=None,
        model_init=None,
        compute_loss_func=None,
        compute_metrics=None,
        callbacks=None,
        optimizers=(None, None),
        optimizer_cls_and_kwargs=None,
        preprocess_logits_for_metrics=None,
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
        # Makes Trainer count the labelled items of all micro-batches of a step, and leave the loss as it is.
        self.model_accepts_loss_kwargs = True
        self.label_names = [single_label_name(self.label_names, self.model)]
        check_head(self._config)
        self.class_counts = resolve_class_counts(
            class_counts, self.train_dataset, self.model, loss=loss, label_name=self.label_names[0]
        )
        self._given_loss = loss
        self.loss_fn = resolve_loss(loss, self.args, self.class_counts, config=self._config)
        self._rows_before = 0  # rows of this step in earlier micro-batches, all processes together
        self._scored = None  # labels, predicted classes and losses of the evaluation batch at hand
        self._confusion: ConfusionCounter | None = None  # of the evaluation at hand
        self._eval_loss_sum = 0.0  # of the evaluation at hand
        self._added_metrics: set[str] = set()  # names of the metrics that are ours
        self._warned_classes: set[int] = set()

    # ---- Set-up

    @property
    def _config(self):
        return getattr(self.model, "config", None)  # plain torch modules have none

    # ---- Training

    def train(self, *args, **kwargs):
        """As in ``Trainer``; refuses a model with a decision folded in, whose head is no longer what training left."""
        decision = getattr(self._config, "decision", "raw")
        if decision != "raw":
            raise ValueError(
                f"the model's head holds a folded decision ({decision}): train from the checkpoint as it was before "
                "folding."
            )
        return super().train(*args, **kwargs)

    def hyperparameter_search(self, hp_space=None, compute_objective=None, *args, **kwargs):
        """As in ``Trainer``; its default objective leaves out the recalls and counts that evaluation adds here."""
        return super().hyperparameter_search(hp_space, compute_objective or self._default_objective, *args, **kwargs)

    def _default_objective(self, metrics):
        return default_compute_objective({k: v for k, v in metrics.items() if k not in self._added_metrics})

    def _hp_search_setup(self, trial):
        super()._hp_search_setup(trial)
        if trial is not None:  # args may have another loss now
            self.loss_fn = resolve_loss(self._given_loss, self.args, self.class_counts, config=self._config)

    def get_batch_samples(self, epoch_iterator, num_batches, device):
        """The micro-batches of the next optimisation step and their number of labelled items."""
        self._rows_before = 0
        return super().get_batch_samples(epoch_iterator, num_batches, device)

    def _get_num_items_in_batch(self, batch_samples, device):
        (name,) = self.label_names
        labels = [batch[name] for batch in batch_samples if name in batch]
        if self.args.n_gpu > 1 and labels:
            # DataParallel brings the logits of the whole batch together, so nothing is divided among the devices.
            return sum((label != IGNORE_INDEX).sum() for label in labels).to(device)
        return super()._get_num_items_in_batch([{"labels": label} for label in labels], device)

    def training_step(self, model, inputs, num_items_in_batch=None):
        """One forward and backward pass; stops the run if the loss is not finite."""
        loss = super().training_step(model, inputs, num_items_in_batch)
        # Here rather than before the backward pass: Trainer waits for the device at this point anyway.
        if not torch.isfinite(loss):
            raise FloatingPointError(
                f"the loss is {loss.item()} at step {self.state.global_step + 1} of {self.state.max_steps}, so training"
                " stops; checkpoints saved before are good. Try a lower learning rate, more warm-up steps, or bf16 or "
                "float32 in place of fp16."
            )
        return loss

    def compute_loss(self, model, inputs, return_outputs=False, num_items_in_batch=None):
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
            loss = self._evaluation_loss(logits, labels)
        if not return_outputs:
            return loss
        # Trainer takes the first element of a tuple for the loss.
        return loss, outputs if isinstance(outputs, dict) else (loss, *outputs)

    def _training_loss(self, logits, labels, num_items_in_batch) -> torch.Tensor:
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
        else:
            loss = self.loss_fn(logits, labels)
            if num_items_in_batch is not None:  # its mean over this micro-batch, as a share of the whole batch
                loss = loss * ((labels != IGNORE_INDEX).sum() / num_items_in_batch)
        self._rows_before += num_processes * len(labels)
        if self.args.average_tokens_across_devices and num_items_in_batch is not None and self.args.n_gpu <= 1:
            # The count is over all processes, and the processes' gradients will be averaged, not summed.
            loss = loss * (self.accelerator.num_processes // self.get_tp_size())
        return loss

    # ---- Evaluation

    def _evaluation_loss(self, logits, labels) -> torch.Tensor:
        if logits.ndim != 2:
            raise ValueError(
                f"the model gave logits of shape {tuple(logits.shape)} where (batch, num_classes) is needed: use a "
                "sequence classification head."
            )
        check_labels(labels, logits.shape[1])
        losses = F.cross_entropy(logits.float(), labels.long(), ignore_index=IGNORE_INDEX, reduction="none")  # (batch,)
        self._scored = (labels, logits.argmax(dim=-1), losses)
        if self._confusion is None:
            self._confusion = ConfusionCounter(logits.shape[1])
        return losses.sum() / (labels != IGNORE_INDEX).sum()

    def _get_eval_sampler(self, eval_dataset):
        # None is the dataset's order. Trainer would shuffle the rows where training groups them by length, and
        # predict() return them in that order.
        return None

    def prediction_step(self, model, inputs, prediction_loss_only, ignore_keys=None):
        """As in ``Trainer``; counts labels against predictions and sums up the losses on the way."""
        self._scored = None
        step = super().prediction_step(model, inputs, prediction_loss_only, ignore_keys=ignore_keys)
        if self._scored is not None:
            labels, predicted, losses = self.accelerator.gather_for_metrics(self._scored)
            self._confusion.add(labels, predicted)
            self._eval_loss_sum += losses.sum().item()
        return step

    def evaluation_loop(
        self, dataloader, description, prediction_loss_only=None, ignore_keys=None, metric_key_prefix="eval"
    ):
        """As in ``Trainer``; adds each class's recall and number of predictions to the metrics."""
        self._confusion, self._eval_loss_sum = None, 0.0
        output = super().evaluation_loop(dataloader, description, prediction_loss_only, ignore_keys, metric_key_prefix)
        confusion, self._confusion = self._confusion, None
        if confusion is not None and confusion.num_items:
            id2label = getattr(self._config, "id2label", None) or {}
            names = [str(id2label.get(k, k)) for k in range(len(confusion.matrix))]
            added = {f"{metric_key_prefix}_{key}": value for key, value in confusion.metrics(names).items()}
            new = added.keys() - output.metrics.keys()  # compute_metrics may have a recall of its own
            output.metrics.update({key: value for key, value in added.items() if key in new})
            self._added_metrics |= new
            # Trainer's mean weighs micro-batches alike, whatever the share of duplicates and ignored rows in them.
            output.metrics[f"{metric_key_prefix}_loss"] = self._eval_loss_sum / confusion.num_items
            self._warn_of_classes_never_predicted(confusion, names)
        return output

    def _warn_of_classes_never_predicted(self, confusion: ConfusionCounter, names: list[str]) -> None:
        new = [k for k in confusion.never_predicted() if k not in self._warned_classes]
        self._warned_classes.update(new)
        if new and self.is_world_process_zero():
            logger.warning(
                "never predicted in %d rows at step %d: %s. Each evaluation logs eval_predicted_<class>; if it stays "
                "0, train longer, raise the learning rate or try another loss.",
                confusion.num_items,
                self.state.global_step,
                ", ".join(f"{names[k]!r} (the label of {confusion.support(k)} rows)" for k in new),
            )

    # ---- Saving

    def save_model(self, output_dir=None, _internal_call=False):
        """As in ``Trainer``, with class counts, loss and decision in the saved config."""
        if self._config is not None and self.loss_fn is not None:
            self._config.class_counts = self.class_counts
            self._config.training_loss = describe_loss(self.loss_fn)
            if not hasattr(self._config, "decision"):
                self._config.decision = "raw"
        super().save_model(output_dir, _internal_call)
