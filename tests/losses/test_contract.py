"""What every registered loss promises; a new one is tested here the moment it is registered."""

import inspect
import math
from contextlib import nullcontext
from types import SimpleNamespace

import pytest
import torch

from blv_trainer.losses import LOSSES, ImbalanceLoss, TrainingStep, build_loss, check_loss, loss_options

COUNTS = [3, 40, 100, 17]
BATCH, NUM_CLASSES = 6, len(COUNTS)

every_loss = pytest.mark.parametrize("name", LOSSES)


@pytest.fixture
def logits():
    return torch.randn(BATCH, NUM_CLASSES, generator=torch.Generator().manual_seed(0)).requires_grad_()


@pytest.fixture
def labels():
    return torch.tensor([0, 1, 2, 3, 2, 1])


def at_step(loss, index=3, first_row=0):
    loss.step = TrainingStep(seed=7, index=index, max_steps=10, first_row=first_row)
    return loss


@every_loss
def test_the_file_is_named_as_the_loss_and_its_options_are_keyword_only_and_documented(name):
    loss = LOSSES[name]
    assert issubclass(loss, ImbalanceLoss)
    assert loss.__module__ == f"blv_trainer.losses.{name}"
    first, *options = inspect.signature(loss).parameters.values()
    assert first.name == "class_counts"
    assert all(p.kind is p.KEYWORD_ONLY and p.default is not p.empty for p in options)
    assert build_loss(name, COUNTS).options == loss_options(name)
    for section in ("Args:", "Shape:", "Raises:", "Examples:"):
        assert section in loss.__doc__


def test_the_defaults_are_the_documented_ones():
    others = {"clamp": None, "sign": 1, "sigma_schedule": "constant"}
    defaults = {
        "blv": {"sigma": 6.0, "scope": "step", **others},
        "class_balanced": {"beta": 0.999},
        "focal": {"gamma": 2.0},
        "gaussian_clouded": {"amplitude": None},
        "ldam": {"max_margin": 0.5, "scale": 1.0},
        "logit_adjustment": {"tau": 1.0},
        "ordinal_log_loss": {"alpha": 1.5},
        "sord": {"scale": 1.0, "power": 2.0},
    }
    assert {name: loss_options(name) for name in LOSSES} == {
        name: {**defaults.get(name, {}), "label_smoothing": 0.0} for name in LOSSES
    }


@every_loss
def test_gives_a_finite_scalar_with_a_gradient_for_every_logit(name, logits, labels):
    loss = at_step(build_loss(name, COUNTS))(logits, labels)
    loss.backward()
    assert loss.shape == ()
    assert loss.isfinite()
    assert logits.grad.isfinite().all()
    assert (logits.grad != 0).all()


@every_loss
def test_the_gradient_is_that_of_the_value(name, logits, labels):
    loss = at_step(build_loss(name, COUNTS))
    assert torch.autograd.gradcheck(lambda z: loss(z, labels), (logits.detach().double().requires_grad_(),))


@every_loss
def test_falls_as_the_right_logit_rises(name, logits, labels):
    loss = at_step(build_loss(name, COUNTS))
    better = logits + 2 * torch.nn.functional.one_hot(labels, NUM_CLASSES)
    assert loss(better, labels) < loss(logits, labels)


@every_loss
def test_micro_batches_with_num_items_add_up_to_the_whole_batch(name, logits, labels):
    loss = build_loss(name, COUNTS)
    whole = at_step(loss)(logits, labels, BATCH)
    parts = sum(
        at_step(loss, first_row=start)(logits[start:end], labels[start:end], BATCH)
        for start, end in ((0, 1), (1, 4), (4, 6))
    )
    torch.testing.assert_close(parts, whole)


@every_loss
def test_ignored_items_change_neither_value_nor_gradient(name, logits, labels):
    loss = build_loss(name, COUNTS).eval()
    ignored = labels.clone()
    ignored[[0, 4]] = -100
    kept = [1, 2, 3, 5]
    value = loss(logits, ignored)
    torch.testing.assert_close(value, loss(logits[kept], labels[kept]))
    value.backward()
    assert (logits.grad[[0, 4]] == 0).all()


@every_loss
def test_a_batch_of_ignored_items_costs_nothing(name, logits):
    nothing = torch.full((BATCH,), -100)
    assert build_loss(name, COUNTS)(logits, nothing) == 0
    for count in (0, torch.tensor(0)):  # what Trainer counts in a step of such rows
        assert build_loss(name, COUNTS)(logits, nothing, num_items_in_batch=count) == 0


@every_loss
def test_is_computed_in_float32_under_autocast(name, logits, labels):
    loss = build_loss(name, COUNTS).eval()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        value = loss(logits.bfloat16(), labels)
    assert value.dtype == torch.float32
    torch.testing.assert_close(value, loss(logits.bfloat16().float(), labels))


def test_a_loss_of_your_own_may_multiply_matrices_in_float32_under_autocast(logits, labels):
    class Product(ImbalanceLoss):
        def class_losses(self, logits):
            return super().class_losses(logits @ torch.eye(NUM_CLASSES))  # autocast would make bfloat16 of it

    value = build_loss("cross_entropy", COUNTS)(logits, labels)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert Product(COUNTS)(logits, labels) == value


@every_loss
def test_the_same_step_gives_the_same_loss_and_leaves_the_global_random_stream_alone(name, logits, labels):
    loss = at_step(build_loss(name, COUNTS))
    before = torch.get_rng_state()
    assert loss(logits, labels) == loss(logits, labels)
    assert torch.equal(before, torch.get_rng_state())


@every_loss
def test_moves_to_the_device_of_the_logits(name, logits, labels, monkeypatch):
    monkeypatch.setattr(torch, "autocast", lambda device_type, enabled: nullcontext())  # it does not know "meta"
    loss = at_step(build_loss(name, COUNTS))
    assert loss(logits.to("meta"), labels.to("meta")).device.type == "meta"  # a tensor left behind would raise
    assert loss.class_counts.device.type == "meta"


@every_loss
def test_adds_nothing_to_a_checkpoint(name):
    assert not build_loss(name, COUNTS).state_dict()


@every_loss
def test_evaluation_mode_and_no_grad_see_raw_logits(name, logits, labels):
    loss = at_step(build_loss(name, COUNTS))
    with torch.no_grad():
        without_gradient = loss(logits, labels)
    assert without_gradient == loss.eval()(logits, labels)


@every_loss
def test_accepts_a_model_output(name, logits, labels):
    loss = build_loss(name, COUNTS).eval()
    assert loss({"logits": logits}, labels) == loss(logits, labels) == loss((logits, "hidden states"), labels)


@every_loss
def test_label_smoothing_is_the_mean_over_the_smoothed_target(name, logits, labels):
    smoothed = build_loss(name, COUNTS, label_smoothing=0.2).eval()
    plain = build_loss(name, COUNTS).eval()
    value = 0.0
    for i in range(BATCH):
        row = logits[i : i + 1]
        for k in range(NUM_CLASSES):
            share = 0.2 / NUM_CLASSES + (0.8 if k == labels[i] else 0.0)
            value += share * plain(row, torch.tensor([k])) / BATCH
    torch.testing.assert_close(smoothed(logits, labels), value)


@every_loss
def test_saturated_logits_keep_loss_and_gradient_finite(name, labels):
    logits = (200 * torch.nn.functional.one_hot(labels.flip(0), NUM_CLASSES).float() - 100).requires_grad_()
    loss = at_step(build_loss(name, COUNTS))(logits, labels)
    loss.backward()
    assert loss.isfinite()
    assert logits.grad.isfinite().all()


@every_loss
def test_unusable_class_counts_are_named(name):
    for counts, message in (
        (None, "class_counts=None cannot be used: give one count for each of at least two classes"),
        ([5, 1.5, 3], "a whole number from 0 up"),
        ([5, 0, 0], "all training labels are equal"),
        ([5, 0, 3], "class 1 has no training example"),
    ):
        is_defined = counts == [5, 0, 3] and not LOSSES[name].needs_every_class
        with nullcontext() if is_defined else pytest.raises(ValueError, match=message):
            build_loss(name, counts)


@every_loss
def test_options_that_cannot_be_used_show_before_the_class_counts_are_known(name):
    check_loss(name, loss_options(name))
    unknown = rf"option 'no_such' of loss '{name}' is unknown. Choose from: .*label_smoothing"
    with pytest.raises(ValueError, match=unknown):
        check_loss(name, {"no_such": 1})
    for option, default in loss_options(name).items():
        if not isinstance(default, str):
            wanted = r"a number or None\.$" if default is None else f"a number, such as {default}"
            with pytest.raises(TypeError, match=f"{option}='two' of loss '{name}' cannot be used: give {wanted}"):
                check_loss(name, {option: "two"})


OUT_OF_RANGE = {
    "blv": {"sigma": [-1, math.nan], "clamp": [0], "sign": [2]},
    "class_balanced": {"beta": [-0.1, 1, math.nan]},
    "focal": {"gamma": [-1, math.inf]},
    "gaussian_clouded": {"amplitude": [-1, math.inf, math.nan]},
    "ldam": {"max_margin": [-1], "scale": [0]},
    "logit_adjustment": {"tau": [-1, math.inf, math.nan]},
    "ordinal_log_loss": {"alpha": [0, -1, math.inf, math.nan]},
    "sord": {"scale": [0, -1, math.inf, math.nan], "power": [0, -1, math.inf, math.nan]},
}


@every_loss
def test_values_out_of_their_range_are_named_with_the_range(name):
    for option, values in (OUT_OF_RANGE.get(name, {}) | {"label_smoothing": [-0.1, 1.0]}).items():
        for value in values:
            with pytest.raises(ValueError, match=rf"{option}={value} cannot be used: give "):
                build_loss(name, COUNTS, **{option: value})


@pytest.mark.parametrize(
    ("name", "kind", "message"),
    [
        ("bvl", ValueError, r"loss='bvl' is unknown. Choose from: blv, .*focal.*Did you mean 'blv'\?"),
        (LOSSES["blv"], TypeError, r"loss=<class .* is neither a name nor a module: give 'blv', or an object"),
    ],
)
def test_what_is_no_name_of_a_loss_is_refused(name, kind, message):
    with pytest.raises(kind, match=message):
        build_loss(name, COUNTS)


@pytest.mark.parametrize(
    ("shape", "labels", "message"),
    [
        ((6, 3), [0] * 6, r"logits of shape \(6, 3\) cannot be used: give shape \(n, 4\)"),
        ((6, 4), [0] * 5, r"labels of shape \(5,\)"),
        ((6, 4), [0.5] * 6, "type torch.float32"),
        ((6, 4), [0, 1, 2, 3, 4, -1], r"labels \[-1, 4\] are out of range: 4 classes take labels 0 to 3"),
    ],
)
def test_unusable_shapes_and_labels_are_named(shape, labels, message):
    with pytest.raises(ValueError, match=message):
        build_loss("blv", COUNTS)(torch.zeros(shape), torch.tensor(labels))


@pytest.mark.parametrize(
    ("output", "given"),
    [
        ({"hidden": 1, "pooled": 2}, "an output with hidden, pooled"),
        (SimpleNamespace(hidden=1), "a SimpleNamespace"),
        ((), "a tuple"),
    ],
)
def test_an_output_without_logits_is_named(output, given):
    with pytest.raises(TypeError, match=f"the model gave {given} and no logits: use a model with a classification"):
        build_loss("blv", COUNTS)(output, torch.tensor([0]))
