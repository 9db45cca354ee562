"""Each metric as a Space, loaded by ``evaluate.load`` in a fresh process that does not know this package."""

import json
import subprocess
import sys

import numpy as np
import pytest
import yaml

from blv_trainer.cli import main
from blv_trainer.hub.metric_space import push_metric, space_pages
from blv_trainer.metrics import METRICS

REFERENCES = [0, 1, 2, 2, 3, 1, 0, 2]
PREDICTIONS = [0, 1, 1, 2, 3, 2, 1, 2]
PROBABILITIES = [list(row) for row in np.eye(4)[PREDICTIONS] * 0.6 + 0.1]
USE = """
import json, sys
sys.modules["blv_trainer"] = None  # not importable, even where it is installed
import evaluate

values = {}
for name, arguments in json.loads(sys.argv[1]).items():
    values |= evaluate.load(f"alice/{name}").compute(**arguments)
print(json.dumps(values))
"""


def arguments(name):
    if name == "ece":
        return {"references": REFERENCES, "probabilities": PROBABILITIES}
    return {"references": REFERENCES, "predictions": PREDICTIONS}


def test_every_metric_is_pushed_and_loaded_from_its_space(hub, tmp_path):
    for name in METRICS:
        push_metric(name, f"alice/{name}", private=name == "qwk")
        assert {f"{name}.py", "README.md", "index.html"} <= set(hub.space(f"alice/{name}").files)
    assert hub.space("alice/qwk").is_private
    done = subprocess.run(
        [sys.executable, "-c", USE, json.dumps({name: arguments(name) for name in METRICS})],
        capture_output=True,
        text=True,
        env=hub.environment(home=tmp_path / "home", token="hf_alice"),
        cwd=tmp_path,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    values = json.loads(done.stdout.splitlines()[-1])
    assert values == pytest.approx({name: METRICS[name](**arguments(name)) for name in METRICS})


@pytest.mark.parametrize("name", METRICS)
def test_the_page_of_a_space_says_what_the_metric_is(name):
    pages = space_pages(name, f"ann/{name}")
    metadata = yaml.safe_load(pages["README.md"].split("---")[1])
    assert metadata["sdk"] == "static"
    assert metadata["tags"] == ["evaluate", "metric"]
    assert len(metadata["short_description"]) <= 60
    first_line = METRICS[name].function.__doc__.split("\n")[0]
    assert first_line in pages["README.md"]
    assert f'evaluate.load("ann/{name}")' in pages["index.html"]


def test_push_metric_on_the_command_line_prints_the_address(hub, capsys):
    assert main(["push", "--metric", "qwk", "--repo_id", "alice/qwk"]) == 0
    assert capsys.readouterr().out == f"{hub.url}/spaces/alice/qwk\n"


def test_a_space_by_another_name_is_refused(hub):
    with pytest.raises(ValueError, match="this one must be called OWNER/qwk"):
        push_metric("qwk", "alice/kappa")
    assert hub.requests() == []


def test_an_unknown_metric_is_refused(hub):
    with pytest.raises(ValueError, match="metric='qwc' is unknown.*Did you mean 'qwk'"):
        push_metric("qwc", "alice/qwc")
