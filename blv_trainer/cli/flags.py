"""The verbs whose flags are the fields of dataclasses, those of transformers' training arguments among them."""

from __future__ import annotations

import argparse
import ast
import contextlib
import dataclasses
import json
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from blv_trainer.arguments import MUST_EXCEED
from blv_trainer.checks import did_you_mean
from blv_trainer.cli.config import Parser, add_config_flag, apply_config, refuse_unknown_flags, truth
from blv_trainer.cli.source_files import FlagField, enumerations, losses, metrics, rules, training_fields

# Of 115 settings of a training, those that --help shows.
_SHOWN = (
    *("output_dir", "num_train_epochs", "learning_rate", "warmup_steps", "per_device_train_batch_size"),
    *("gradient_accumulation_steps", "per_device_eval_batch_size", "seed", "load_best_model_at_end"),
    *("metric_for_best_model", "early_stopping_patience", "fp16", "use_cpu", "report_to"),
)
_OF_TRAIN = ("loss", "loss_kwargs", "resume_from_checkpoint", "push_to_hub")
_TRAINING = "training (--help_all lists the other settings of transformers.TrainingArguments)"
# What few need of the others.
_SELDOM = ("whisper_transcripts", "whisper_model", "dataset_config_name", "encoding", "quoting", "classifier_dropout")


def dataclass_parser(
    verb: str, parts: Sequence[type], words: Sequence[str], *, usage: str, description: str, defaults: Mapping[str, Any]
) -> argparse.ArgumentParser:
    """The parser of a verb; its help shows all flags where ``words`` ask for it.

    Settings of a training that neither the words nor ``defaults`` give are left to ``TrainingArguments``.
    """
    parser = Parser(
        prog=f"blv-trainer {verb}", usage=f"blv-trainer {verb} {usage}", description=description,
        formatter_class=lambda prog: argparse.HelpFormatter(prog, max_help_position=28), allow_abbrev=False,
    )  # fmt: skip
    parser.add_argument("--help_all", action="help", help="show all flags and exit")
    add_config_flag(parser)
    for part in parts:
        group = parser.add_argument_group((part.__doc__ or "").split(":")[0].rstrip("."))
        for about in dataclasses.fields(part):
            field = FlagField(about.name, str(about.type), about.default, about.metadata)
            hidden = field.name in _SELDOM and "--help_all" not in words
            _add_flag(group, field, default=defaults.get(field.name, field.default), hidden=hidden)
    group = parser.add_argument_group(_TRAINING)
    shown = [*_SHOWN, *(() if verb == "compare" else _OF_TRAIN)]
    for name in dict.fromkeys([*shown, *training_fields()]):
        field, hidden = training_fields()[name], name not in shown and "--help_all" not in words
        _add_flag(group, field, default=defaults.get(name, argparse.SUPPRESS), hidden=hidden)
    parser._option_string_actions["--output_dir"].required = verb != "check"  # which writes nothing
    return parser


def parse_dataclasses(
    parser: argparse.ArgumentParser, parts: Sequence[type], words: Sequence[str]
) -> tuple[list[Any], dict[str, Any]]:
    """The dataclasses, and the settings of a training that were given; flags win over ``--config``. Misuse ends it."""
    words = _with_underscores(words)
    apply_config(parser, words)
    args, unknown = parser.parse_known_args(words)
    refuse_unknown_flags(parser, unknown)
    settings = {name: getattr(args, name) for name in training_fields() if hasattr(args, name)}
    _check_values(vars(args))
    fields = {part: [field.name for field in dataclasses.fields(part)] for part in parts}
    return [part(**{name: getattr(args, name) for name in fields[part]}) for part in parts], settings


def _check_values(given: Mapping[str, Any]) -> None:
    """Raise a ValueError for a number out of its range, and for names that there are not."""
    for name, limit in MUST_EXCEED.items():
        values = given.get(name)
        for value in values if isinstance(values, list) else [values]:
            if value is not None and not value > limit:
                wanted = "above 0" if isinstance(value, float) and not limit else f"from {limit + 1} up"
                raise ValueError(f"--{name} {value} cannot be used: give a number {wanted}.")
    if "loss" in given:
        options = given.get("loss_kwargs")
        with contextlib.suppress(json.JSONDecodeError):  # which is told where they are read
            options = json.loads(options) if isinstance(options, str) else options
        refuse_unknown_loss("--loss", given["loss"], options if isinstance(options, dict) else ())
    if given["decision"] is not None:
        _refuse_unknown("--decision", given["decision"], ["raw", "consistent", "tuned", *rules()])
    for word in given["tune_for"] or ():
        name, _, weight = word.partition("=")
        if name != "ece":  # which is told why
            _refuse_unknown("--tune_for", name, ["balanced", *(known for known in metrics() if known != "ece")])
        with contextlib.suppress(ValueError):
            if 0 < float(weight or 1) < math.inf:
                continue
        raise ValueError(f"--tune_for {word}: {weight!r} is no weight above 0; write it as in qwk=2.")
    if not 0 <= given["classifier_dropout"] < 1:
        raise ValueError(f"--classifier_dropout {given['classifier_dropout']} cannot be used: give 0 or more, below 1.")


def peek(parser: argparse.ArgumentParser, words: Sequence[str]) -> argparse.Namespace:
    """What the words and ``--config`` say so far, for a parser with other defaults; asks for help are left to that."""
    words = [word for word in _with_underscores(words) if word not in ("-h", "--help", "--help_all")]
    for action in parser._actions:
        action.required = False
    apply_config(parser, words)
    return parser.parse_known_args(words)[0]


def training_arguments(parser: argparse.ArgumentParser, settings: dict[str, Any]) -> Any:
    """``BLVTrainingArguments`` with these settings; from here on torch is there."""
    from transformers.integrations import get_available_reporting_integrations
    from transformers.integrations.integration_utils import INTEGRATION_TO_CALLBACK

    from blv_trainer.arguments import BLVTrainingArguments
    from blv_trainer.training import OUR_NAMES, check_best_metric

    args = BLVTrainingArguments(**settings)
    for name in args.report_to or ():
        if name not in INTEGRATION_TO_CALLBACK:
            choices = f"{', '.join(INTEGRATION_TO_CALLBACK)}, none.{did_you_mean(name, INTEGRATION_TO_CALLBACK)}"
            parser.error(f"--report_to {name} is unknown. Choose from: {choices}")
        if name not in get_available_reporting_integrations():
            parser.error(f"--report_to {name} needs a package that is not installed: pip install {name}")
    metric = (args.metric_for_best_model or "loss").removeprefix("eval_")
    if not metric.startswith(("recall_", "predicted_")):  # of labels, which the trainer knows
        check_best_metric(metric, ["loss", *OUR_NAMES, "recall_LABEL", "predicted_LABEL"])
    return args


def refuse_unknown_loss(flag: str, name: str, options: Iterable[str]) -> None:
    """Raise a ValueError for a loss that there is not, or an option that it has not."""
    _refuse_unknown(flag, name, losses())
    for option in options:
        _refuse_unknown(f"{flag} {name}: its option", option, losses()[name][1])


def _refuse_unknown(what: str, name: str, known: Iterable[str]) -> None:
    if name not in (known := [*known]):
        raise ValueError(f"{what} {name!r} is unknown. Choose from: {', '.join(known)}.{did_you_mean(name, known)}")


def _with_underscores(words: Sequence[str]) -> list[str]:
    """``--train-file=a-b`` as ``--train_file=a-b``: transformers' scripts take both."""
    parts = [word.partition("=") for word in words]
    return [f"--{word[2:].replace('-', '_')}{sign}{value}" if word[:2] == "--" else word + sign + value
            for word, sign, value in parts]  # fmt: skip


def _add_flag(group: Any, field: FlagField, *, default: Any, hidden: bool = False) -> None:
    """A flag of a field's kind, as ``transformers.HfArgumentParser`` would read it."""
    kinds = [kind.strip() for kind in field.kind.split("|")]
    options = {"type": str, "metavar": field.name.rpartition("_")[2].upper()}
    if "str" not in kinds:
        options = next((_OPTIONS[kind] for kind in kinds if kind in _OPTIONS), options)
    choices = next((enumerations()[kind] for kind in kinds if kind in enumerations()), None)
    if field.kind.startswith("Literal"):
        choices = ast.literal_eval(field.kind.removeprefix("Literal"))
    if choices:
        options = {"choices": choices}
    value, about = field.default if default == argparse.SUPPRESS else default, field.about.get("help", "")
    is_told = value in (None, False, "") or "efault" in about
    told = "" if is_told else f" [{' '.join(map(str, value)) if isinstance(value, list) else value}]"
    if field.name in _SHOWN + _OF_TRAIN:  # transformers' help is long
        about = about.split(". ")[0].rstrip(".") + "."
    options = options | {name: value for name, value in field.about.items() if name != "help"}
    text = argparse.SUPPRESS if hidden else about + told
    group.add_argument(f"--{field.name}", default=default, help=text, **options)
    if "bool" in kinds and field.default is True:
        options = {"action": "store_false", "dest": field.name, "default": argparse.SUPPRESS}
        group.add_argument(f"--no_{field.name}", help=argparse.SUPPRESS, **options)


_OPTIONS: dict[str, dict[str, Any]] = {
    "bool": {"type": truth, "nargs": "?", "const": True, "metavar": "BOOL"},
    "int": {"type": int, "metavar": "N"},
    "float": {"type": float, "metavar": "X"},
    "list[str]": {"type": str, "nargs": "+", "metavar": "NAME"},
    "list[int]": {"type": int, "nargs": "+", "metavar": "N"},
    "dict[str, bool]": {"type": json.loads, "metavar": "JSON"},
}  # fmt: skip
