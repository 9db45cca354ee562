"""What the Hub reads from a README.md: the YAML block at its top."""

import re

import yaml

from .repository import HubError

BLOCK = re.compile(r"\s*---\s*\n(.*?)\n---\s*(\n|$)", re.S)


def metadata(text):
    """The YAML block as a dictionary; empty where there is none."""
    block = BLOCK.match(text)
    return (yaml.safe_load(block[1]) if block else None) or {}


def check(text):
    """The answer of ``/api/validate-yaml``; a HubError with status 400 for what the Hub refuses."""
    if not BLOCK.match(text):
        return {"errors": [], "warnings": [{"message": "empty or missing yaml metadata in repo card"}]}
    try:
        errors = problems(metadata(text))
    except yaml.YAMLError as error:
        errors = [f"YAML: {error}"]
    answer = {"errors": [{"message": message} for message in errors], "warnings": []}
    if errors:
        raise HubError(400, "invalid metadata", payload=answer)
    return answer


def problems(data):
    """What is wrong with the metadata, a sentence each."""
    found = []
    for i, entry in enumerate(data.get("model-index") or []):
        for j, result in enumerate(entry.get("results") or []):
            missing = [key for key in ("task", "dataset", "metrics") if key not in result]
            found += [f'"model-index[{i}].results[{j}].{key}" is required' for key in missing]
    for key in ("license", "pipeline_tag", "library_name"):
        if key in data and not isinstance(data[key], (str, list)):
            found.append(f'"{key}" must be a string')
    return found
