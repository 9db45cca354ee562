"""How a model was trained, as JSON: in place of ``training_args.bin``, which is a pickle."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from blv_trainer.arguments import output_folder
from blv_trainer.files import write_json
from blv_trainer.hub.leaks import local_path

if TYPE_CHECKING:
    from transformers import TrainingArguments

TRAINING_ARGS_FILE = "training_args.json"
# Where and how long things are kept, and in which process: no part of how a model was trained.
_NOT_SHOWN = ("output_dir", "logging_dir", "run_name", "resume_from_checkpoint", "save_total_limit", "local_rank")


def write_training_args(args: TrainingArguments, folder: str | Path | None = None) -> Path:
    """Write ``training_args.json`` without tokens and without paths of this computer.

    Args:
        args: the arguments.
        folder: where to write; default: their output folder.

    Returns:
        The path of the file.
    """
    path = Path(folder or output_folder(args), TRAINING_ARGS_FILE)
    write_json(path, public_arguments(args))
    return path


def public_arguments(args: TrainingArguments) -> dict[str, Any]:
    """The arguments that may be shown to everyone."""
    return {
        name: value
        for name, value in args.to_dict().items()
        if name not in _NOT_SHOWN and not name.endswith("_token") and local_path(json.dumps(value, default=str)) is None
    }
