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
def test_the_file_is_named_as_the_loss(name):
    assert LOSSES[name].__module__ == f"blv_trainer.losses.{name}"
    assert issubclass(LOSSES[name], ImbalanceLoss)


@every_loss
def test_options_have_defaults_and_are_keyword_only(name):
    parameters = list(inspect.signature(LOSSES[name]).parameters.values())
    assert parameters[0].name == "class_counts"
    assert all(p.kind is p.KEYWORD_ONLY and p.default is not p.empty for p in parameters[1:])
    assert build_loss(name, COUNTS).options == loss_options(name)


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
    }
    assert {name: loss_options(name) for name in LOSSES} == {
        name: {**defaults.get(name, {}), "label_smoothing": 0.0} for name in LOSSES
    }


@every_loss
@pytest.mark.parametrize("section", ["Args:", "Shape:", "Raises:", "Examples:"])
def test_the_docstring_has_its_sections(name, section):
    assert section in LOSSES[name].__doc__


@every_loss
def test_gives_a_finite_scalar_with_a_gradient_for_every_logit(name, logits, labels):
    loss = at_step(build_loss(name, COUNTS))(logits, labels)
    loss.backward()
    assert loss.shape == ()
    assert loss.isfinite()
    assert logits.grad.isfinite().all()
    assert (logits.grad != 0).all()


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
def test_num_items_defaults_to_the_labelled_items(name, logits, labels):
    loss = build_loss(name, COUNTS).eval()
    labels[1] = -100
    torch.testing.assert_close(loss(logits, labels), loss(logits, labels, torch.tensor(5)))


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
def test_leaves_the_global_random_stream_alone_once_the_step_is_known(name, logits, labels):
    loss = at_step(build_loss(name, COUNTS))
    before = torch.get_rng_state()
    loss(logits, labels)
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
def test_the_same_step_gives_the_same_loss(name, logits, labels):
    loss = build_loss(name, COUNTS)
    assert at_step(loss)(logits, labels) == at_step(loss)(logits, labels)


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
def test_expected_shift_has_one_entry_for_each_class(name):
    shift = build_loss(name, COUNTS).expected_shift()
    assert shift.shape == (NUM_CLASSES,)
    assert shift.isfinite().all()


@every_loss
def test_saturated_logits_keep_loss_and_gradient_finite(name, labels):
    logits = (200 * torch.nn.functional.one_hot(labels.flip(0), NUM_CLASSES).float() - 100).requires_grad_()
    loss = at_step(build_loss(name, COUNTS))(logits, labels)
    loss.backward()
    assert loss.isfinite()
    assert logits.grad.isfinite().all()


@every_loss
def test_unknown_option_names_the_known_ones(name):
    with pytest.raises(
        ValueError, match=rf"option 'no_such' of loss '{name}' is unknown. Choose from: .*label_smoothing"
    ):
        build_loss(name, COUNTS, no_such=1)


@every_loss
@pytest.mark.parametrize(
    ("counts", "message"),
    [
        ([5], "at least two classes"),
        ([[1, 2], [3, 4]], "at least two classes"),
        ([5, -1, 3], "whole numbers from 0 to"),
        ([5, 1.5, 3], "whole numbers from 0 to"),
        ([5, math.inf, 3], "whole numbers from 0 to"),
        ([5, math.nan, 3], "whole numbers from 0 to"),
        ([5, 1e300, 3], "whole numbers from 0 to"),
        ([2**62, 2**62, 2**62], "whole numbers from 0 to"),
        ([5, 0, 0], "all training labels are equal"),
    ],
)
def test_unusable_class_counts_are_named(name, counts, message):
    with pytest.raises(ValueError, match=message):
        build_loss(name, counts)


@every_loss
def test_a_class_without_examples_is_refused_where_the_loss_is_undefined(name):
    if LOSSES[name].needs_every_class:
        with pytest.raises(ValueError, match="class 1 has no training example"):
            build_loss(name, [5, 0, 3])
    else:
        build_loss(name, [5, 0, 3])


def test_only_losses_that_do_not_look_at_the_counts_accept_a_class_without_examples():
    assert {name for name, loss in LOSSES.items() if not loss.needs_every_class} == {
        *("cross_entropy", "focal", "emd", "ordinal_log_loss"),
    }


@every_loss
def test_an_option_that_needs_a_number_refuses_a_word(name):
    for option, default in loss_options(name).items():
        if not isinstance(default, str):
            with pytest.raises(TypeError, match=f"{option}='two' of loss '{name}' cannot be used: give a number"):
                build_loss(name, COUNTS, **{option: "two"})


@every_loss
@pytest.mark.parametrize("dtype", [torch.uint8, torch.int32, torch.float16, torch.float64], ids=str)
def test_counts_may_have_any_type_of_number(name, dtype):
    loss = build_loss(name, torch.tensor([3, 40, 200], dtype=dtype))
    assert loss.class_counts.dtype == torch.int64
    assert loss.class_counts.tolist() == [3, 40, 200]


@every_loss
def test_a_value_out_of_range_shows_before_the_class_counts_are_known(name):
    check_loss(name, loss_options(name))
    with pytest.raises(ValueError, match="label_smoothing=2 cannot be used"):
        check_loss(name, {"label_smoothing": 2})


def test_the_message_about_a_word_says_whether_none_is_accepted():
    with pytest.raises(TypeError, match=r"option clamp='two' of loss 'blv' cannot be used: give a number or None\.$"):
        check_loss("blv", {"clamp": "two"})
    with pytest.raises(TypeError, match=r"option sigma='two' of loss 'blv' cannot be used: give a number, such as 6"):
        check_loss("blv", {"sigma": "two"})


@every_loss
@pytest.mark.parametrize("counts", [None, ["a", "b"], 5, "ab", [None, 3], {0: 5, 1: 3}, [True, True], [1j, 2]], ids=str)
def test_what_is_no_list_of_counts_is_named(name, counts):
    with pytest.raises(ValueError, match="class_counts=.* cannot be used: give one count for each of at least two"):
        build_loss(name, counts)


def test_a_class_in_place_of_a_loss_is_told_from_an_unknown_name():
    with pytest.raises(TypeError, match=r"loss=<class .* is neither a name nor a module: give 'blv', or an object"):
        build_loss(LOSSES["blv"], COUNTS)


@every_loss
@pytest.mark.parametrize(
    ("shape", "labels", "message"),
    [
        ((6, 3), [0] * 6, r"logits of shape \(6, 3\) do not fit 4 class counts"),
        ((6, 4, 1), [0] * 6, r"logits of shape \(6, 4, 1\) do not fit"),
        ((6, 4), [0] * 5, r"labels of shape \(5,\)"),
        ((6, 4), [0.5] * 6, "type torch.float32"),
        ((6, 4), [0, 1, 2, 3, 4, -1], r"labels \[-1, 4\] are out of range: 4 classes take labels 0 to 3"),
    ],
)
def test_unusable_shapes_and_labels_are_named(name, shape, labels, message):
    with pytest.raises(ValueError, match=message):
        build_loss(name, COUNTS)(torch.zeros(shape), torch.tensor(labels))


@every_loss
@pytest.mark.parametrize(
    ("output", "given"),
    [
        ({"hidden": 1, "pooled": 2}, "an output with hidden, pooled"),
        (SimpleNamespace(hidden=1), "a SimpleNamespace"),
        ((), "a tuple"),
    ],
)
def test_an_output_without_logits_is_named(name, output, given):
    with pytest.raises(TypeError, match=f"the model gave {given} and no logits: use a model with a classification"):
        build_loss(name, COUNTS)(output, torch.tensor([0]))


@every_loss
@pytest.mark.parametrize("smoothing", [-0.1, 1.0])
def test_label_smoothing_out_of_range_is_named(name, smoothing):
    with pytest.raises(ValueError, match=f"label_smoothing={smoothing} cannot be used"):
        build_loss(name, COUNTS, label_smoothing=smoothing)


def test_unknown_option_names_the_nearest():
    with pytest.raises(ValueError, match=r"option 'sigmas' of loss 'blv' is unknown. .*Did you mean 'sigma'\?"):
        build_loss("blv", COUNTS, sigmas=1)


def test_unknown_loss_names_the_nearest():
    with pytest.raises(ValueError, match=r"loss='bvl' is unknown. Choose from: blv, .*focal.*Did you mean 'blv'\?"):
        build_loss("bvl", COUNTS)
