"""``BLVTrainingArguments``: transformers' settings of a training, with the choice of a loss."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

from transformers import TrainingArguments

from blv_trainer.losses import check_loss
from blv_trainer.metrics import METRICS, Metric


@dataclass(repr=False)  # the parent's hides tokens
class BLVTrainingArguments(TrainingArguments):
    """``transformers.TrainingArguments`` with the choice of a loss; no other default is changed.

    ``greater_is_better`` is by default False where ``metric_for_best_model`` is one of ``METRICS`` that is better low.

    Args:
        loss: a key of ``blv_trainer.LOSSES``.
        loss_kwargs: the loss's options, such as ``{"sigma": 2, "scope": "element"}``; on the command line as JSON.
        early_stopping_patience: evaluations without a better checkpoint after which training ends; needs
            ``load_best_model_at_end``.

    Raises:
        TypeError: an option that needs a number and has none.
        ValueError: an unknown loss or option, a value out of its range, options that are no mapping, a patience for
            nothing.

    Examples:
        >>> args = BLVTrainingArguments("out", loss="blv", loss_kwargs='{"sigma": 2}')
        >>> args.loss_kwargs
        {'sigma': 2}
    """

    _VALID_DICT_FIELDS = [*TrainingArguments._VALID_DICT_FIELDS, "loss_kwargs"]  # noqa: RUF012 - as in the parent

    loss: str = field(default="blv", metadata={"help": "Name of the loss; `blv-trainer list` shows all."})
    loss_kwargs: dict[str, Any] | str | None = field(
        default=None, metadata={"help": "Options of the loss as JSON, such as '{\"sigma\": 2}'."}
    )
    early_stopping_patience: int | None = field(
        default=None,
        metadata={"help": "With --load_best_model_at_end, evaluations without a better one after which training ends."},
    )

    def __post_init__(self) -> None:
        self.loss_kwargs = _read_options(self.loss_kwargs)
        self.chose_direction = self.greater_is_better is not None
        metric = metric_of_ours(self.metric_for_best_model)
        if metric and not self.chose_direction:
            self.greater_is_better = metric.better == "higher"
        super().__post_init__()
        if self.early_stopping_patience is not None and not self.load_best_model_at_end:
            raise ValueError(
                f"early_stopping_patience={self.early_stopping_patience} counts evaluations without a better one: give "
                "load_best_model_at_end too, with metric_for_best_model."
            )
        check_loss(self.loss, self.loss_kwargs or {})

    def __getstate__(self) -> dict[str, Any]:
        # Trainer pickles its arguments beside every checkpoint: a token has no place there.
        return {**self.__dict__, "hub_token": None}


def metric_of_ours(name: str | None, *, datasets: Collection[str] = ()) -> Metric | None:
    """The metric of ``METRICS`` that ``metric_for_best_model`` names, for one of several evaluation sets or for all."""
    name = (name or "").removeprefix("eval_")
    dataset = next((f"{dataset}_" for dataset in datasets if name.startswith(f"{dataset}_")), "")
    return METRICS.get(name.removeprefix(dataset).removeprefix("abs_"))


def output_folder(args: TrainingArguments) -> Path:
    """The folder of a run; transformers sets one where none is given, though it declares None as possible."""
    return Path(cast(str, args.output_dir))


def _read_options(given: Any) -> dict[str, Any] | None:
    """A loss's options, read where they are JSON."""
    options = given
    if isinstance(given, str):
        with contextlib.suppress(json.JSONDecodeError):
            options = json.loads(given)
    if options is None or isinstance(options, dict):
        return options
    raise ValueError(f"""loss_kwargs={given!r} is no JSON object: write options as '{{"sigma": 2}}'.""")


def changed_settings(training_args: BLVTrainingArguments, *, always: Collection[str] = ()) -> dict[str, Any]:
    """The settings that differ from their defaults, and those named in ``always``, in plain types.

    Building plain arguments looks for processes and devices anew, and would make each of several processes on the
    processor believe that it is alone; these take over what ``training_args`` found.
    """
    plain = BLVTrainingArguments(training_args.output_dir, accelerator_config={"use_configured_state": True}).to_dict()
    return {name: value for name, value in training_args.to_dict().items() if name in always or value != plain[name]}
