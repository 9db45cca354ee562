"""Where runs lie, ``runs/<method>/seed_<n>/`` (``fold_<k>/`` in it), and what makes one new, interrupted, another's."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import logging
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from datasets import DatasetDict

from blv_trainer import run_folder
from blv_trainer.arguments import BLVTrainingArguments, ModelArguments, changed_settings
from blv_trainer.experiments.methods import Method
from blv_trainer.files import write_json
from blv_trainer.run_folder import RUN_FILE, conditions, read_json
from blv_trainer.training import last_whole_checkpoint

logger = logging.getLogger(__name__)

_HEAVY = ("checkpoint-*", "*.safetensors", "training_args.bin", "tokenizer.json")
# Settings that change no result.
_WITHOUT_EFFECT = {
    "output_dir", "loss", "loss_kwargs", "seed", "resume_from_checkpoint", "disable_tqdm", "report_to", "log_level",
    "log_level_replica", "logging_steps", "logging_strategy", "logging_first_step", "save_total_limit", "save_strategy",
    "save_steps", "dataloader_num_workers", "dataloader_pin_memory", "dataloader_persistent_workers", "run_name",
    "do_eval", "do_train", "do_predict", "push_to_hub", "hub_model_id", "hub_token", "hub_strategy",
}  # fmt: skip
_TOLD_BY_SUMS = {"data": "other texts or labels", "encoder": "an encoder of other weights or settings"}
_FACTS = ("labels", "rows")  # of the data, beside its sum; runs of earlier versions have none
_DEFAULT = "TrainingArguments' default"  # settings that have it are not listed


def folder_of(output_dir: str | Path, method: Method, seed: int, fold: int | None = None) -> Path:
    """Where a run lies."""
    return fold_folder(Path(output_dir, "runs", method.folder, f"seed_{seed}"), fold)


def fold_folder(folder: Path, fold: int | None) -> Path:
    """Where the run of one fold lies, in the folder of the seed; the folder itself where there are no folds."""
    return folder if fold is None else folder / f"fold_{fold}"


def is_finished(folder: Path) -> bool:
    """Whether the run needs no more work."""
    return run_folder.is_finished(folder) and (folder / RUN_FILE).is_file()


def begin(folder: Path, settings: dict[str, Any], *, chosen_by_user: bool, num_processes: int = 1) -> str | None:
    """Make a folder ready for a run that is not finished; returns the checkpoint to resume from, if there is one.

    ``settings`` are whatever decides the outcome, in plain types. From a folder that was chosen by the user nothing is
    removed: checkpoints of other settings are an error there; elsewhere such a run starts again.
    """
    is_run = (folder / RUN_FILE).is_file()
    if not is_run and not chosen_by_user and folder.exists() and any(folder.iterdir()):
        raise FileExistsError(
            f"{folder} holds files but no {RUN_FILE}, so it is no run: remove it, or choose another --output_dir."
        )
    changed = _changed(folder, settings) if is_run else []
    if changed and chosen_by_user and any(folder.glob("checkpoint-*")):  # without one nothing is lost
        raise ValueError(
            f"{folder} holds an unfinished run with {'; '.join(changed[:3])}: give the old settings to go on with "
            "it, choose another --output_dir, or remove the folder."
        )
    checkpoint = _checkpoint(folder, num_processes) if is_run and not changed else None
    if checkpoint:
        return checkpoint
    if is_run and not chosen_by_user and any(path.name != RUN_FILE for path in folder.iterdir()):
        shutil.rmtree(folder)  # holds more than another process of this run may have made
    write_json(folder / RUN_FILE, {"settings": settings, "conditions": conditions()})
    return None


def refuse_changed_settings(folder: Path, settings: dict[str, Any]) -> None:
    """Raise a ValueError that names what differs if a finished run was made with other settings."""
    changed = _changed(folder, settings)
    if changed:
        raise ValueError(
            f"{folder} was made with {'; '.join(changed[:3])}. Results of different settings are not mixed: choose "
            "another --output_dir, give the old settings, or remove the folder."
        )


def drop_weights(folder: Path, *, checkpoints_only: bool = False) -> None:
    """Remove what takes space and no report needs: checkpoints, and unless these alone, weights and tokenizer."""
    for pattern in _HEAVY[:1] if checkpoints_only else _HEAVY:
        for path in folder.glob(pattern):
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink()


def run_settings(
    dataset: DatasetDict,
    names: Sequence[str],
    model_args: ModelArguments,
    training_args: BLVTrainingArguments,
    *,
    freeze_encoder: bool = False,
) -> dict[str, Any]:
    """What decides the outcome of a run beside its loss and seed, in plain types; data and encoder are read through."""
    changed = changed_settings(training_args)
    model = dataclasses.asdict(model_args)
    return {
        **{name: value for name, value in changed.items() if name not in _WITHOUT_EFFECT},
        "data": data_digest(dataset, names),
        "labels": list(names),
        "rows": {split: len(rows) for split, rows in dataset.items()},
        "encoder": encoder_digest(model.pop("model_name_or_path")),
        **model,
        "freeze_encoder": freeze_encoder,
        "num_processes": training_args.world_size,
    }


def data_digest(dataset: DatasetDict, names: Sequence[str]) -> str:
    """SHA-256 of all texts, labels and label names, split by split."""
    digest = hashlib.sha256(json.dumps(list(names)).encode())
    for split in sorted(dataset):
        digest.update(split.encode())
        for row in dataset[split].select_columns(["text", "label"]).iter(batch_size=1000):
            digest.update(json.dumps([row["text"], list(row["label"])]).encode())
    return digest.hexdigest()


def encoder_digest(name_or_path: str) -> str:
    """SHA-256 of a local model's weights and config; of a Hub model, its name."""
    digest = hashlib.sha256()
    files = sorted(Path(name_or_path).glob("*.safetensors")) + sorted(Path(name_or_path).glob("*.json"))
    for path in files:
        digest.update(path.name.encode())
        with open(path, "rb") as file:
            while chunk := file.read(1 << 20):
                digest.update(chunk)
    return digest.hexdigest() if files else name_or_path


def _checkpoint(folder: Path, num_processes: int) -> str | None:
    checkpoint = last_whole_checkpoint(folder, num_processes=num_processes)
    if checkpoint is None:
        return None
    logger.info("%s: resuming from %s", folder, checkpoint.name)
    made, now = _read(folder)["conditions"], conditions()
    if others := [f"{name} {made.get(name)}, now {now[name]}" for name in now if made.get(name) != now[name]]:
        logger.warning("%s was begun with %s: its end may differ from that of one run.", folder, "; ".join(others))
    return str(checkpoint)


def _read(folder: Path) -> dict[str, Any]:
    try:
        found = read_json(folder / RUN_FILE)
        return {"settings": dict(found["settings"]), "conditions": dict(found["conditions"])}
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(
            f"{folder / RUN_FILE} was not written by this version of blv_trainer ({type(error).__name__}: {error}): "
            "choose another --output_dir, or remove the folder."
        ) from error


def _changed(folder: Path, settings: dict[str, Any]) -> list[str]:
    old = _read(folder)["settings"]
    new = json.loads(json.dumps(settings))
    known = old.keys() | (new.keys() - {*_FACTS})
    different = [name for name in sorted(known) if old.get(name, _DEFAULT) != new.get(name, _DEFAULT)]
    if {*_FACTS} & {*different}:
        different.remove("data")  # it is said what differs
    changed = []
    for name in different:
        was, now = (json.dumps(of[name]) if name in of else _DEFAULT for of in (old, new))
        both_sums = name in _TOLD_BY_SUMS and len(was) == len(now)
        changed.append(_TOLD_BY_SUMS[name] if both_sums else f"{name}={was}, now {now}")
    return changed
