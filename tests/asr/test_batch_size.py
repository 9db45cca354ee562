import pytest

from blv_trainer.asr.batch_size import BatchSize


def test_it_doubles_up_to_its_limit_after_full_batches_only():
    batch_size = BatchSize(2, limit=10)
    batch_size.grow(1)
    assert batch_size.size == 2
    for expected in (4, 8, 8):
        batch_size.grow(batch_size.size)
        assert batch_size.size == expected


def test_it_halves_and_never_tries_again_what_was_too_much():
    batch_size = BatchSize(8, limit=64)
    batch_size.shrink(8)
    assert batch_size.size == 4
    batch_size.grow(4)
    assert batch_size.size == 4


def test_it_never_falls_below_one():
    batch_size = BatchSize(1, limit=1)
    batch_size.shrink(1)
    assert batch_size.size == 1


@pytest.mark.parametrize(("start", "limit"), [(0, 4), (8, 4)])
def test_impossible_sizes_are_named(start, limit):
    with pytest.raises(ValueError, match=f"start={start}, limit={limit} cannot be used: give 1 <= start <= limit"):
        BatchSize(start, limit=limit)
