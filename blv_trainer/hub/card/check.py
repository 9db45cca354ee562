"""Whether the Hub will take a card, found out without asking it."""

from __future__ import annotations

import math
import re
from pathlib import Path
from typing import Any

import yaml
from huggingface_hub import ModelCard, parse_eval_result_entries
from huggingface_hub.repocard import REGEX_YAML_BLOCK

from blv_trainer.hub.card.metadata import EVAL_RESULTS_FOLDER
from blv_trainer.hub.card.options import as_list, is_hub_id

CARD_FILE = "README.md"
_TOKEN = re.compile(r"\b(hf|api_org)_[A-Za-z0-9]{20,}")
_HERE = re.compile(
    r"(?<![\w.:/])/(?:home|Users|root|tmp|mnt|media|opt|srv|var|data|work|workspace|scratch)/\w[^\s`'\")]*"
)
_WINDOWS = re.compile(r"(?<!\w)[A-Za-z]:\\[\w.-]+")
_PICTURE = re.compile(r"!\[[^\]]*\]\(([^)\s]+)\)")
_LICENSE = re.compile(r"[a-z0-9][a-z0-9.-]*")
_LANGUAGE = re.compile(r"[a-z]{2,3}(-[A-Za-z0-9]+)*|code|multilingual")


def check_card(folder: str | Path) -> None:
    """Raise an error unless the folder's ``README.md`` is a card that the Hub takes; nothing is sent anywhere.

    Looks at the metadata (license, language, names on the Hub, ``model-index``), at ``.eval_results/``, at pictures
    that the card shows, and for tokens and paths of this machine.

    Args:
        folder: of the model.

    Raises:
        FileNotFoundError: there is no card, or no picture that it shows.
        ValueError: what is wrong, in a sentence.
    """
    folder = Path(folder)
    path = folder / CARD_FILE
    if not path.is_file():
        raise FileNotFoundError(
            f"{path} does not exist: write it with blv_trainer.hub.card.write_card({str(folder)!r})."
        )
    text = path.read_text(encoding="utf-8-sig")
    check_text(text)
    for picture in _PICTURE.findall(text):
        if "://" not in picture and not (folder / picture).is_file():
            raise FileNotFoundError(f"{path} shows {picture}, which is not in the folder: write the card anew.")
    for entries in sorted((folder / EVAL_RESULTS_FOLDER).glob("*.yaml")):
        _check_eval_results(entries)


def check_text(text: str) -> None:
    """Raise a ValueError unless the text of a card is one that the Hub takes; pictures are not looked for."""
    found = REGEX_YAML_BLOCK.search(text)
    if found is None:
        raise ValueError("the card has no metadata: it must begin with a block of YAML between two lines of '---'.")
    try:
        data = yaml.safe_load(found[2])
    except yaml.YAMLError as error:
        raise ValueError(f"the card's metadata is no YAML: {' '.join(str(error).split())}.") from error
    if not isinstance(data, dict):
        raise ValueError(f"the card's metadata is {type(data).__name__}, not a list of 'key: value' lines.")
    _check_values(data)
    try:
        ModelCard(text)  # reads model-index
    except ValueError as error:
        raise ValueError(f"the card's metadata cannot be read: {error}") from error
    for pattern, what in ((_TOKEN, "a token"), (_HERE, "a path of this machine"), (_WINDOWS, "a path of this machine")):
        if leak := pattern.search(text):
            shown = leak[0][:6] + "..." if what == "a token" else leak[0]
            raise ValueError(f"the card holds {what} ({shown}): take it out before anyone sees it.")


def _check_values(data: dict[str, Any]) -> None:
    for key in ("base_model", "datasets"):
        for name in _strings(data, key):
            if not is_hub_id(name):
                raise ValueError(f"the card's {key} holds {name!r}, which is no name on the Hub: give 'user/name'.")
    for key, pattern, example in (("license", _LICENSE, "apache-2.0"), ("language", _LANGUAGE, "en")):
        for value in _strings(data, key):
            if not pattern.fullmatch(value):
                raise ValueError(f"the card's {key} is {value!r}: give the Hub's name for it, such as {example!r}.")
    if data.get("license") == "other" and not data.get("license_name"):
        raise ValueError("the card's license is 'other': give license_name and license_link, too.")
    for key in ("tags", "metrics", "pipeline_tag", "library_name"):
        _strings(data, key)
    for result in _model_index_metrics(data.get("model-index")):
        given = result.get("value")
        infinite = isinstance(given, float) and not math.isfinite(given)
        if infinite or isinstance(given, bool) or not isinstance(given, (int, float, str)):
            raise ValueError(f"the card's model-index gives {result.get('type')!r} the value {given!r}: give a number.")


def _strings(data: dict[str, Any], key: str) -> list[str]:
    given = data.get(key)
    if given is not None and not isinstance(given, (str, list)):
        raise ValueError(f"the card's {key} is {given!r}: give text, or a list of texts.")
    values = as_list(given)
    for value in values:
        if not isinstance(value, str) or not value.strip():
            raise ValueError(f"the card's {key} holds {value!r}: give text.")
    return values


def _model_index_metrics(index: Any) -> list[dict[str, Any]]:
    try:
        return [metric for model in index or [] for result in model["results"] for metric in result["metrics"]]
    except (KeyError, TypeError) as error:
        raise ValueError(
            "the card's model-index cannot be read: it is a list of models with 'results', each with 'metrics'."
        ) from error


def _check_eval_results(path: Path) -> None:
    try:
        entries = parse_eval_result_entries(yaml.safe_load(path.read_text(encoding="utf-8")))
    except (yaml.YAMLError, KeyError, TypeError, AttributeError, ValueError) as error:
        raise ValueError(
            f"{path} is no list of results with dataset (id, task_id) and value: write the card anew, or remove it."
        ) from error
    wrong = next((entry.dataset_id for entry in entries if not is_hub_id(entry.dataset_id)), None)
    if wrong is not None:
        raise ValueError(f"{path} names the dataset {wrong!r}, which is no name on the Hub: give 'user/name'.")
