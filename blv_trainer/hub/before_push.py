"""What must hold before anything is sent to the Hub."""

from __future__ import annotations

import math
import shutil
import tempfile
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from blv_trainer.hub.leaks import leaks
from blv_trainer.hub.published_files import belongs_to_model, is_pickle_name, modules_of

_SENTENCE = "I think it is important to have a part-time job because we can learn many things."
_PICKLE_STARTS = tuple(bytes([0x80, protocol]) for protocol in range(2, 6))


def check_model(folder: str | Path) -> None:
    """Check that a folder holds configuration, safetensors weights, tokenizer and the model's code."""
    folder = Path(folder)
    if not folder.is_dir():
        raise FileNotFoundError(f"{folder} is no folder: give the one that a model was saved to.")
    if missing := list(_missing(folder)):
        raise ValueError(
            f"{folder} cannot be published: it has no {', no '.join(missing)}. Save model and tokenizer there with "
            "save_pretrained(), which is what `blv-trainer train` does."
        )


def check_files(folder: str | Path, files: Sequence[str], *, token: str | None = None) -> None:
    """Check that no file holds a pickle, a token or a path of this computer.

    Args:
        folder: of the files.
        files: paths below it.
        token: the one in use, which is searched for in every format.

    Raises:
        ValueError: all that was found, file by file.
    """
    found = []
    for file in files:
        path = Path(folder, file)
        if _is_pickle(path):
            found.append(f"{file} is a pickle, which can run code where it is loaded")
        found += [f"{file} holds {leak}" for leak in leaks(path, token=token)]
    if found:
        raise ValueError(f"{folder} cannot be published: {'; '.join(found)}. Remove that from the folder and repeat.")


def check_pipeline(folder: str | Path, files: Sequence[str]) -> None:
    """Check that ``pipeline("text-classification")`` gives finite probabilities from these files alone."""
    from transformers import pipeline

    from blv_trainer.prediction import load_classifier

    with tempfile.TemporaryDirectory() as staged:
        for file in (file for file in files if belongs_to_model(file) or file.endswith(".py")):
            Path(staged, file).parent.mkdir(parents=True, exist_ok=True)
            _place(Path(folder, file).resolve(), Path(staged, file))
        try:
            if Path(staged, "config.json").is_file():
                load_classifier(staged)  # refuses weights without a head, to which a pipeline gives a random one
            classify = pipeline("text-classification", model=staged, device="cpu", trust_remote_code=False)
            answers = classify(_SENTENCE, top_k=None)
        except Exception as error:  # any fault of any model: what matters is that it does not load
            reason = str(error).replace(staged, str(folder)).strip().splitlines() or [type(error).__name__]
            raise ValueError(
                f'{folder} cannot be published: pipeline("text-classification") does not load it ({reason[0]}). Save '
                "the whole model there; of an adapter, the model after merge_and_unload()."
            ) from error
    if wrong := [answer["label"] for answer in answers if not math.isfinite(answer["score"])]:
        raise ValueError(
            f"{folder} cannot be published: the probability of {', '.join(wrong)} is no number, so its weights are "
            "spoilt. Publish an earlier checkpoint."
        )


def _is_pickle(path: Path) -> bool:
    """By its name or by its first bytes."""
    if is_pickle_name(path.name):
        return True
    with path.open("rb") as file:
        start = file.read(2)
    if start == b"PK" and zipfile.is_zipfile(path):  # as torch.save writes it
        with zipfile.ZipFile(path) as archive:
            return any(name.endswith(".pkl") for name in archive.namelist())
    return start in _PICKLE_STARTS


def _missing(folder: Path) -> Iterator[str]:
    if not (folder / "config.json").is_file() and not (folder / "adapter_config.json").is_file():
        yield "config.json"
    weights = ("model.safetensors", "model.safetensors.index.json", "adapter_model.safetensors")
    if not any((folder / name).is_file() for name in weights):
        pickled = (folder / "pytorch_model.bin").is_file()
        yield "model.safetensors" + (" (pytorch_model.bin is a pickle)" if pickled else "")
    if not (folder / "tokenizer_config.json").is_file():
        yield "tokenizer_config.json"
    for module in modules_of(folder):
        if not (folder / module).is_file():
            yield f"{module} (which auto_map in config.json names)"


def _place(source: Path, target: Path) -> None:
    try:
        target.symlink_to(source)
    except OSError:  # Windows asks for a right
        shutil.copy(source, target)
