"""The notebooks run from top to bottom, with tiny settings."""

import re
from pathlib import Path

import pytest

nbformat = pytest.importorskip("nbformat", reason="the notebooks extra is not installed")
nbclient = pytest.importorskip("nbclient", reason="the notebooks extra is not installed")

_NOTEBOOKS = Path(__file__).parents[1] / "notebooks"
_MAX_BYTES = 400_000  # with the pictures that are kept in them


# What replaces the cell of settings in each; FOLDER is where the test has put a tiny encoder.
_SETTINGS = {
    "01_quickstart": {"encoder": "FOLDER/encoder", "num_speakers": 25, "num_train_epochs": 1},
    "02_logit_variation_explained": {"steps": 20},
    "03_icnale_to_hub": {"num_speakers": 40, "num_train_epochs": 1, "encoder": None, "repo_id": "alice/levels"},
}


def test_every_notebook_has_its_settings():
    assert {file.stem for file in _NOTEBOOKS.glob("*.ipynb")} == set(_SETTINGS)


@pytest.mark.slow
@pytest.mark.parametrize("file", sorted(_NOTEBOOKS.glob("*.ipynb")), ids=lambda file: file.stem)
def test_notebook_runs_from_top_to_bottom(file, tmp_path, monkeypatch, loopback_hub):
    pytest.importorskip("ipykernel", reason="the notebooks extra is not installed")
    monkeypatch.delenv("HF_HUB_OFFLINE")
    for name, value in loopback_hub.environment(tmp_path / "home", "hf_alice").items():
        monkeypatch.setenv(name, value)
    if "encoder" in str(_SETTINGS[file.stem]):
        _build_encoder(tmp_path)
    notebook = nbformat.read(file, as_version=4)
    (parameters,) = [cell for cell in notebook.cells if "parameters" in cell.metadata.get("tags", [])]
    given = re.findall(r"(?m)^(\w+) = ", parameters.source)
    assert given == list(_SETTINGS[file.stem])
    parameters.source = "\n".join(f"{name} = {value!r}" for name, value in _SETTINGS[file.stem].items())
    parameters.source = parameters.source.replace("FOLDER", str(tmp_path))
    nbclient.NotebookClient(notebook, timeout=300, resources={"metadata": {"path": str(tmp_path)}}).execute()
    if "repo_id" in _SETTINGS[file.stem]:
        assert loopback_hub.model("alice/levels").is_private


@pytest.mark.parametrize("file", sorted(_NOTEBOOKS.glob("*.ipynb")), ids=lambda file: file.stem)
def test_notebook_is_kept_with_its_outputs_small_and_without_paths_of_a_machine(file):
    notebook = nbformat.read(file, as_version=4)
    assert file.stat().st_size < _MAX_BYTES
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in code] == list(range(1, len(code) + 1))  # run once, in order
    text = file.read_text(encoding="utf-8")
    assert "/home/" not in text
    assert "/tmp/" not in text
    assert not [output for cell in code for output in cell.outputs if output.output_type == "error"]


def _build_encoder(folder: Path) -> None:
    from blv_trainer.corpora.synthetic import generate_answers
    from blv_trainer.experiments.invented import build_encoder

    build_encoder([answer.text for answer in generate_answers(25)], folder / "encoder", seed=0)
