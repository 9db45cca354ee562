"""The documentation builds, every warning an error, and says nothing that is not so."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from blv_trainer.cli import VERBS
from blv_trainer.losses import LOSSES
from blv_trainer.metrics import METRICS

_ROOT = Path(__file__).parents[1]


@pytest.mark.slow
def test_the_documentation_builds_without_a_warning(tmp_path):
    pytest.importorskip("mkdocs", reason="the docs extra is not installed")
    build = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(tmp_path / "site")]
    done = subprocess.run(build, cwd=_ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "BLVLoss" in (tmp_path / "site/reference/losses/index.html").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", LOSSES)
def test_every_loss_stands_in_the_guide_and_in_the_reference(name):
    assert f"`{name}`" in (_ROOT / "docs/losses.md").read_text(encoding="utf-8")
    assert f"losses.{name}." in (_ROOT / "docs/reference/losses.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", METRICS)
def test_every_metric_stands_in_the_reference(name):
    assert f"::: {name}.{name}.{name}" in (_ROOT / "docs/reference/metrics.md").read_text(encoding="utf-8")


def test_every_command_of_the_readme_is_a_verb():
    text = (_ROOT / "README.md").read_text(encoding="utf-8")
    used = set(re.findall(r"(?:^ {4}|`|&& )blv-trainer (\w+)", text, flags=re.M))
    assert used <= set(VERBS)
    assert set(VERBS) <= used
