import torch
from torch.nn import functional as F

from blv_trainer.losses import CrossEntropyLoss


def test_is_torchs_cross_entropy_with_and_without_smoothing():
    logits = torch.randn(6, 4, generator=torch.Generator().manual_seed(0))
    labels = torch.tensor([0, 1, -100, 3, 2, 1])
    for smoothing in (0.0, 0.3):
        ours = CrossEntropyLoss([1, 2, 3, 4], label_smoothing=smoothing)(logits, labels)
        torch.testing.assert_close(ours, F.cross_entropy(logits, labels, label_smoothing=smoothing))


def test_adds_no_shift():
    assert (CrossEntropyLoss([1, 2, 3]).expected_shift() == 0).all()
