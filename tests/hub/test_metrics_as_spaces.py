"""Each metric as a Space, loaded by ``evaluate.load`` in a fresh process that does not know this package."""

import json

import numpy as np
import pytest
import yaml

from blv_trainer.cli import main
from blv_trainer.hub import push_metric
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


@pytest.mark.slow  # one push for each metric, and a process
def test_every_metric_is_pushed_and_loaded_from_its_space(hub, elsewhere):
    for name in METRICS:
        push_metric(name, f"alice/{name}", private=name == "qwk")
        card = hub.space(f"alice/{name}").read("README.md").decode()
        assert len(yaml.safe_load(card.split("---")[1])["short_description"]) <= 60
    assert hub.space("alice/qwk").is_private
    values = elsewhere(USE, json.dumps({name: arguments(name) for name in METRICS}))
    assert values == pytest.approx({name: METRICS[name](**arguments(name)) for name in METRICS})


def test_push_metric_on_the_command_line_makes_a_space_that_explains_it_and_prints_its_address(hub, capsys):
    assert main(["push", "--metric", "qwk", "--repo_id", "alice/qwk"]) == 0
    assert capsys.readouterr().out == f"{hub.url}/spaces/alice/qwk\n"
    space = hub.space("alice/qwk")
    card, page = space.read("README.md").decode(), space.read("index.html").decode()
    metadata = yaml.safe_load(card.split("---")[1])
    assert metadata["sdk"] == "static"
    assert metadata["tags"] == ["evaluate", "metric"]
    assert METRICS["qwk"].function.__doc__.split("\n")[0] in page
    assert 'evaluate.load("alice/qwk")' in page
    assert "qwk.py" in space.files


@pytest.mark.parametrize(
    ("name", "message"),
    [("qwk", "this one must be called OWNER/qwk"), ("qwc", "metric='qwc' is unknown.*Did you mean 'qwk'")],
)
def test_a_space_by_another_name_or_of_an_unknown_metric_is_refused(name, message, hub):
    with pytest.raises(ValueError, match=message):
        push_metric(name, "alice/kappa")
    assert hub.requests() == []
