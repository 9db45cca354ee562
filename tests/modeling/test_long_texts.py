"""Texts with more tokens than the encoder has positions, as ``pipeline("text-classification")`` passes them on."""

import pytest
import torch

from blv_trainer import MeanPooledConfig, MeanPooledForSequenceClassification

TINY = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 16, "vocab_size": 60}
PAD, CLOSING = 1, 2


@pytest.fixture(params=["bert", "roberta", "mpnet"])
def model(request):
    """A tiny classifier with 10 positions for tokens."""
    torch.manual_seed(0)
    extra = 0 if request.param == "bert" else 2  # positions start after the padding index
    encoder = {"model_type": request.param, **TINY, "max_position_embeddings": 10 + extra, "pad_token_id": PAD}
    return MeanPooledForSequenceClassification(MeanPooledConfig(encoder, num_labels=3)).eval()


def batch_of(lengths):
    generator = torch.Generator().manual_seed(1)
    input_ids = torch.full((len(lengths), max(lengths)), PAD)
    for row, length in enumerate(lengths):
        input_ids[row, :length] = torch.randint(3, 60, (length,), generator=generator)
        input_ids[row, length - 1] = CLOSING
    return {"input_ids": input_ids, "attention_mask": (input_ids != PAD).long()}


def test_a_long_text_is_cut_as_the_tokenizer_would_and_short_ones_stay(model):
    batch = batch_of([25, 4, 11, 10])
    truncated = {name: values[:, :10].clone() for name, values in batch.items()}
    truncated["input_ids"][[0, 2], 9] = CLOSING  # a tokenizer keeps the closing token
    with torch.inference_mode():
        torch.testing.assert_close(model(**batch).logits, model(**truncated).logits)
        alone = model(input_ids=batch["input_ids"][:1]).logits
        torch.testing.assert_close(alone, model(input_ids=truncated["input_ids"][:1]).logits)


def test_a_long_batch_padded_on_the_left_is_refused(model):
    batch = {name: values.flip(1) for name, values in batch_of([25, 4]).items()}
    with pytest.raises(ValueError, match="texts of up to 25 tokens are too long for 10 positions: give the tokenizer"):
        model(**batch)
