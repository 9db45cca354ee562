"""The name is known whichever of the two packages is imported first, and at no cost without ``datasets``."""

import os
import subprocess
import sys

import pytest


def run(code, *arguments):
    return subprocess.run(
        [sys.executable, "-c", code, *arguments],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        check=True,
    ).stdout.strip()


@pytest.mark.slow
@pytest.mark.parametrize("imports", ["import blv_trainer, datasets", "import datasets, blv_trainer"])
def test_order_of_imports_does_not_matter(imports):
    code = (
        f"{imports}\nfrom datasets.packaged_modules import _PACKAGED_DATASETS_MODULES as m\nprint(m['icnale_asa'][0])"
    )
    assert run(code) == "blv_trainer.corpora.icnale_asa"


def test_importing_the_package_or_its_doors_imports_no_datasets():
    code = (
        "import sys, blv_trainer, blv_trainer.corpora.icnale, blv_trainer.corpora.synthetic\n"
        "print([name for name in ('datasets', 'torch', 'transformers', 'pandas', 'soundfile') if name in sys.modules])"
    )
    assert run(code) == "[]"


def test_files_below_the_folder_are_not_listed_by_load_dataset(tmp_path, monkeypatch):
    import datasets
    from datasets import load

    def refuse(*args, **kwargs):
        raise AssertionError("the folder was listed")

    monkeypatch.setattr(load, "get_data_patterns", refuse)
    with pytest.raises(FileNotFoundError, match="holds no unmerged texts"):
        datasets.load_dataset("icnale_asa", data_dir=str(tmp_path))


def test_other_builders_are_left_alone(tmp_path):
    import datasets

    (tmp_path / "x.csv").write_text("a,b\n1,2\n")
    dataset = datasets.load_dataset("csv", data_dir=str(tmp_path), cache_dir=str(tmp_path / "cache"))
    assert dataset["train"][0] == {"a": 1, "b": 2}
