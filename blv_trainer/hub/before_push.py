"""What must hold before anything is sent to the Hub."""

from __future__ import annotations

import tempfile
import zipfile
from collections.abc import Sequence
from pathlib import Path

import yaml
from huggingface_hub import ModelCard, get_token
from huggingface_hub.repocard import REGEX_YAML_BLOCK

from blv_trainer.hub.leaks import leaks
from blv_trainer.hub.published_files import CARD_FILE, is_pickle_name, link, modules_of, pictures_of

_SENTENCE = "I think it is important to have a part-time job because we can learn many things."
_PICKLE_STARTS = tuple(bytes([0x80, protocol]) for protocol in range(2, 6))


def check_model(folder: Path) -> None:
    """Check that a folder holds configuration, safetensors weights, tokenizer and the model's code."""
    if not folder.is_dir():
        raise FileNotFoundError(f"{folder} is no folder: give the one that a model was saved to.")
    names = {path.name for path in folder.iterdir()}
    missing = [] if names & {"config.json", "adapter_config.json"} else ["config.json"]
    if not names & {"model.safetensors", "model.safetensors.index.json", "adapter_model.safetensors"}:
        is_pickled = "pytorch_model.bin" in names
        missing.append("model.safetensors" + (" (pytorch_model.bin is a pickle)" if is_pickled else ""))
    if "tokenizer_config.json" not in names:
        missing.append("tokenizer_config.json")
    missing += [f"{file} (which auto_map in config.json names)" for file in modules_of(folder) if file not in names]
    if missing:
        raise ValueError(
            f"{folder} cannot be published: it has no {', no '.join(missing)}. Save model and tokenizer there with "
            "save_pretrained(), which is what `blv-trainer train` does."
        )


def check_card(folder: Path) -> None:
    """Check that the card begins with metadata that can be read, and that the pictures that it shows are there."""
    text = (folder / CARD_FILE).read_text(encoding="utf-8-sig")
    if REGEX_YAML_BLOCK.search(text) is None:
        raise ValueError("the card has no metadata: it must begin with a block of YAML between two lines of '---'.")
    try:
        ModelCard(text)  # reads model-index, too
    except (ValueError, yaml.YAMLError) as error:
        raise ValueError(f"the card's metadata cannot be read: {error}") from error
    for picture in pictures_of(text):
        if "://" not in picture and not (folder / picture).is_file():
            raise FileNotFoundError(f"the card shows {picture}, which is not in {folder}: put it there, or remove it.")


def check_files(folder: str | Path, files: Sequence[str], *, token: str | None = None) -> None:
    """Check that no file holds a pickle, a token or a path of this computer.

    Args:
        folder: of the files.
        files: paths below it.
        token: the one in use, which is searched for in every format; default: that of the environment or the login.

    Raises:
        ValueError: all that was found, file by file.
    """
    found, token = [], token or get_token()
    for file in files:
        path = Path(folder, file)
        if _is_pickle(path):
            found.append(f"{file} is a pickle, which can run code where it is loaded")
        found += [f"{file} holds {leak}" for leak in leaks(path, token=token)]
    if found:
        raise ValueError(f"{folder} cannot be published: {'; '.join(found)}. Remove that from the folder and repeat.")


def check_pipeline(folder: str | Path, files: Sequence[str]) -> None:
    """Check that ``pipeline("text-classification")`` gives levels from these files alone."""
    from transformers import pipeline

    from blv_trainer.prediction import load_classifier

    with tempfile.TemporaryDirectory(prefix="_check-", dir=folder) as staged:
        for file in files:
            Path(staged, file).parent.mkdir(parents=True, exist_ok=True)
            link(Path(folder, file), Path(staged, file))
        try:
            if Path(staged, "config.json").is_file():
                load_classifier(staged)  # refuses weights without a head, to which a pipeline gives a random one
            pipeline("text-classification", model=staged, device="cpu", trust_remote_code=False)(_SENTENCE)
        except Exception as error:  # any fault of any model: what matters is that it does not load
            reason = str(error).replace(staged, str(folder)).strip().splitlines() or [type(error).__name__]
            raise ValueError(
                f'{folder} cannot be published: pipeline("text-classification") does not load it ({reason[0]}). Save '
                "the whole model there; of an adapter, the model after merge_and_unload()."
            ) from error


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
