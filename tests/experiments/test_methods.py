import pytest

from blv_trainer.experiments.methods import parse_method, parse_methods
from blv_trainer.losses import LOSSES
from blv_trainer.presets import comparison_preset


def test_options_are_read_as_numbers_words_and_nothing():
    method = parse_method("blv:sigma=6, scope=element,clamp=none")
    assert method.loss == "blv"
    assert method.options == {"sigma": 6, "scope": "element", "clamp": None}
    assert method.build([90, 10]).scope == "element"


@pytest.mark.parametrize("loss", LOSSES)
def test_every_registered_loss_is_a_method(loss):
    method = parse_method(loss)
    assert parse_method(method.spec) == method
    assert method.title


def test_the_papers_rows_have_readable_titles():
    titles = [method.title for method in parse_methods(comparison_preset("paper")["methods"])]
    assert titles == ["cross-entropy", "focal loss", "BLV, sigma 2", "BLV, sigma 6"]


def test_a_spec_written_out_reads_back_in_one_order():
    assert (
        parse_method("blv:sigma=2.0,clamp=1").spec == parse_method("blv:clamp=1,sigma=2").spec == "blv:clamp=1,sigma=2"
    )


def test_different_methods_have_different_folders_without_separators():
    specs = ["blv", "blv:sigma=2", "blv:sigma=20", "blv:scope=element", "focal", "focal:gamma=0.5"]
    folders = {parse_method(spec).folder for spec in specs}
    assert len(folders) == len(specs)
    assert not any("/" in folder or ":" in folder for folder in folders)


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("bvl", "method 'bvl': loss='bvl' is unknown.* Did you mean 'blv'?"),
        ("blv:sigmo=1", "option 'sigmo' of loss 'blv' is unknown.* Did you mean 'sigma'?"),
        ("blv:sigma", "'sigma' is no option=value"),
        ("blv:sigma=1,sigma=2", "gives 'sigma' twice"),
        ("blv:sigma=-1", "sigma=-1 cannot be used"),
        ("blv:sigma=six", "method 'blv:sigma=six'"),
    ],
)
def test_what_cannot_be_read_is_named(spec, message):
    with pytest.raises(ValueError, match=message):
        parse_method(spec)


def test_a_method_stands_there_once():
    with pytest.raises(ValueError, match="'blv:sigma=6' is given twice"):
        parse_methods(["blv:sigma=6", "focal", "blv:sigma=6.0"])
    with pytest.raises(ValueError, match="no method to compare"):
        parse_methods([])
