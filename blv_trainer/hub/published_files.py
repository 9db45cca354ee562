"""Which files of a model's folder go to the Hub and why the others stay behind; its training arguments as JSON."""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Sequence
from fnmatch import fnmatch
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from transformers.dynamic_module_utils import get_relative_import_files

from blv_trainer.arguments import output_folder
from blv_trainer.files import write_json
from blv_trainer.hub.leaks import leaks_of_text
from blv_trainer.run_folder import read_json

if TYPE_CHECKING:
    from transformers import TrainingArguments

CARD_FILE = "README.md"
_TRAINING_ARGS_FILE = "training_args.json"  # in place of training_args.bin, which is a pickle

# What a model consists of. Anything else is left out, so that nothing private goes along by accident.
_MODEL_FILES = (
    *("config.json", "generation_config.json", "adapter_config.json"),
    *("model.safetensors", "model-*-of-*.safetensors", "model.safetensors.index.json", "adapter_model.safetensors"),
    *("tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json", "chat_template.jinja"),
    *("vocab.txt", "vocab.json", "merges.txt", "*.model", "preprocessor_config.json"),
    *(_TRAINING_ARGS_FILE, "metrics.json"),
    *(CARD_FILE, "LICENSE*", "NOTICE*", "CITATION.cff", ".eval_results/*"),
    *("*.onnx", "*.onnx.data", "onnx/*"),
)
_PICKLES = ("*.bin", "*.pt", "*.pth", "*.pkl", "*.pickle", "*.ckpt", "*.joblib")
_REASONS = (
    (_PICKLES, "a pickle, which can run code where it is loaded"),
    (("checkpoint-*", "runs", "logs", "*tfevents*", "history.json", "trainer_state.json"), "a trace of the training"),
    (("*.parquet", "*.csv", "*.tsv", "*.jsonl", "*.txt", "*.wav", "*.mp3"), "may hold what the corpus forbids to show"),
    (("report",), "shows texts of your data"),
    (("*.yaml", "*.log"), "names files and folders of this computer"),
)
# Where and how long things are kept, and in which process: no part of how a model was trained.
_NOT_SHOWN = ("output_dir", "logging_dir", "run_name", "from_checkpoint", "save_total_limit", "local_rank", "_token")
_PICTURE = re.compile(r"!\[[^\]]*\]\(\s*([^)\s]+)")


class Selection(NamedTuple):
    """Files to publish, and what stays behind."""

    files: list[str]  # paths below the folder, with slashes, sorted
    left_out: dict[str, str]  # reason by entry of the folder


def select_files(folder: str | Path, *, include: Sequence[str] = ()) -> Selection:
    """Choose the files of a model: weights, configuration, tokenizer, code, card, results, and those of ``include``."""
    folder = Path(folder)
    paths = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    code = [folder / module for module in modules_of(folder)]
    code += [Path(imported) for module in code for imported in get_relative_import_files(module)]
    named = {path.relative_to(folder).as_posix() for path in code}
    if (folder / CARD_FILE).is_file():
        named |= {*pictures_of((folder / CARD_FILE).read_text(encoding="utf-8"))}
    for pattern in include:
        matching = {path for path in paths if fnmatch(path, pattern)}
        if not matching:
            raise ValueError(f"include={pattern!r} matches no file of {folder}: give a path below it, or a pattern.")
        # The report shows texts, so it goes along by its whole name alone.
        named |= {path for path in matching if path == pattern or not path.startswith("report/")}
    files = [path for path in paths if path in named or _belongs_to_model(path)]
    others = {f"{path.split('/')[0]}/" if "/" in path else path for path in paths if path not in files}
    return Selection(files, {entry: _reason(entry.rstrip("/")) for entry in sorted(others)})


def pictures_of(card: str) -> list[str]:
    """The paths, or addresses, of the pictures that a card shows: ``![text](path)``."""
    return _PICTURE.findall(card)


def is_pickle_name(name: str) -> bool:
    """Whether a name is one of a format that is pickled."""
    return any(fnmatch(name, pattern) for pattern in _PICKLES)


def is_of_earlier_model(path: str) -> bool:
    """Whether a file on the Hub that a push does not replace belongs to an earlier version of the model."""
    return _belongs_to_model(path) or ("/" not in path and is_pickle_name(path))


def modules_of(folder: Path) -> list[str]:
    """The files of code that ``auto_map`` in a model's ``config.json`` names, but those of other repositories."""
    names = (read_json(folder / "config.json") or {}).get("auto_map", {}).values()
    return sorted({f"{name.split('.')[0]}.py" for name in names if "--" not in name})


def link(source: Path | str, target: Path | str) -> None:
    """Give a file a second name, which stays when the first one goes; a copy where the file system has no links."""
    try:
        os.link(os.path.realpath(source), target)
    except OSError:
        shutil.copy2(source, target)


def write_training_args(args: TrainingArguments, folder: str | Path | None = None) -> Path:
    """Write ``training_args.json``: how a model was trained, without tokens and without paths of this computer.

    Args:
        args: the arguments.
        folder: where to write; default: their output folder.

    Returns:
        The path of the file.
    """
    path = Path(folder or output_folder(args), _TRAINING_ARGS_FILE)
    shown = {name: value for name, value in args.to_dict().items() if not name.endswith(_NOT_SHOWN)}
    write_json(path, {k: v for k, v in shown.items() if not any(leaks_of_text(json.dumps(v, default=str)))})
    return path


def _belongs_to_model(path: str) -> bool:
    """Whether a path, relative to the model's folder, is one of ``_MODEL_FILES``."""
    depth = path.count("/")
    return any(depth == pattern.count("/") and fnmatch(path, pattern) for pattern in _MODEL_FILES)


def _reason(entry: str) -> str:
    found = (reason for patterns, reason in _REASONS if any(fnmatch(entry, pattern) for pattern in patterns))
    return next(found, "no part of a model")
