"""Whisper's text decoder for single tokens of many rows, each at its own position with its own cache."""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from whisper.model import ResidualAttentionBlock, Whisper

_PACKED_ROWS = 8  # rows that the packed layout is chosen for; any number works


class SlotDecoder:
    """Runs the decoder one token further for every row at once; rows come and go one by one.

    Row i has its own length, and its own keys and values in slot i of the caches, of which the first ``rows`` are
    occupied. Numbers agree with ``model.decoder`` to rounding. What a step costs is reading memory: the weights once,
    and each row's keys and values of 1,500 positions of audio, which lie in the order in which they are read.
    """

    def __init__(self, model: Whisper, slots: int):
        decoder, dims = model.decoder, model.dims
        self.rows = 0
        self.slots = slots
        self._heads = dims.n_text_head
        self._embedding = decoder.token_embedding.weight.detach()
        self._positions = decoder.positional_embedding.detach()
        self._norm = decoder.ln
        self.logits = _packed_linear(self._embedding, None)  # last hidden states (n, n_text_state) -> (n, n_vocab)
        self._layers = [_Layer(block) for block in decoder.blocks]
        layers, heads, width = dims.n_text_layer, dims.n_text_head, dims.n_text_state // dims.n_text_head
        # Zeros: what the mask hides still takes part, times 0, and must be finite.
        self._own = torch.zeros(layers, 2, slots, heads, dims.n_text_ctx, width)  # keys and values
        self._cross_keys = torch.zeros(layers, slots, heads, width, dims.n_audio_ctx)
        self._cross_values = torch.zeros(layers, slots, heads, dims.n_audio_ctx, width)

    @staticmethod
    def bytes_per_slot(model: Whisper) -> int:
        """Memory that one row's keys and values take."""
        dims = model.dims
        return 2 * 4 * dims.n_text_layer * dims.n_text_state * (dims.n_text_ctx + dims.n_audio_ctx)

    @torch.no_grad()
    def add(self, tokens: list[int], features: torch.Tensor) -> torch.Tensor:
        """Starts a row of tokens in the next free slot: its last hidden states, ``(len(tokens), n_text_state)``."""
        slot, length = self.rows, len(tokens)  # features: (n_audio_ctx, n_audio_state)
        hidden = self._embedding[torch.tensor(tokens)] + self._positions[:length]
        for i, layer in enumerate(self._layers):
            cross_keys, cross_values = self._cross_keys[i, slot], self._cross_values[i, slot]
            torch.mm(layer.cross_key, features.T, out=cross_keys.view(-1, len(features)))
            cross_values.copy_(self._by_head(layer.cross_value(features)))
            query, key, value = map(self._by_head, layer.own(layer.own_norm(hidden)).chunk(3, dim=-1))
            self._own[i, 0, slot, :, :length] = key
            self._own[i, 1, slot, :, :length] = value
            seen = F.scaled_dot_product_attention(query[None], key[None], value[None], is_causal=length > 1)[0]
            hidden = hidden + layer.own_out(seen.transpose(0, 1).reshape(length, -1))
            query = self._by_head(layer.cross_query(layer.cross_norm(hidden)))
            seen = _attend(query, cross_keys, cross_values)
            hidden = hidden + layer.cross_out(seen.transpose(0, 1).reshape(length, -1))
            hidden = hidden + layer.mlp(hidden)
        self.rows += 1
        return self._norm(hidden)

    @torch.no_grad()
    def advance(self, tokens: list[int], positions: list[int]) -> torch.Tensor:
        """Runs the last token of each row, at its position, through the decoder: logits ``(rows, n_vocab)``."""
        rows, longest = self.rows, max(positions) + 1
        slot, position = torch.arange(rows), torch.tensor(positions)
        hidden = self._embedding[torch.tensor(tokens)] + self._positions[position]  # (rows, n_text_state)
        mask = None
        if min(positions) + 1 < longest:
            mask = (torch.arange(longest) <= position[:, None])[:, None, None, :]  # (rows, 1, 1, longest)
        for i, layer in enumerate(self._layers):
            query, key, value = layer.own(layer.own_norm(hidden)).view(rows, 3, self._heads, -1).unbind(1)
            self._own[i, 0, slot, :, position] = key
            self._own[i, 1, slot, :, position] = value
            keys, values = self._own[i, :, :rows, :, :longest]
            seen = F.scaled_dot_product_attention(query[:, :, None], keys, values, attn_mask=mask)
            hidden = hidden + layer.own_out(seen.reshape(rows, -1))
            query = layer.cross_query(layer.cross_norm(hidden)).view(rows, self._heads, 1, -1)
            seen = _attend(query, self._cross_keys[i, :rows], self._cross_values[i, :rows])
            hidden = hidden + layer.cross_out(seen.reshape(rows, -1))
            hidden = hidden + layer.mlp(hidden)
        return self.logits(self._norm(hidden))

    def remove(self, row: int, last_length: int) -> None:
        """Ends a row; the last one, with ``last_length`` tokens in its cache, takes its slot."""
        last = self.rows - 1
        if row != last:
            self._own[:, :, row, :, :last_length] = self._own[:, :, last, :, :last_length]
            self._cross_keys[:, row] = self._cross_keys[:, last]
            self._cross_values[:, row] = self._cross_values[:, last]
        self.rows = last

    def _by_head(self, states: torch.Tensor) -> torch.Tensor:
        return states.view(len(states), self._heads, -1).transpose(0, 1)  # (heads, length, width)


class _Layer:
    """One decoder block, its weights laid out for few rows."""

    def __init__(self, block: ResidualAttentionBlock):
        own, cross = block.attn, block.cross_attn
        weights = torch.cat([own.query.weight, own.key.weight, own.value.weight])
        no_bias = torch.zeros_like(own.query.bias)  # Whisper's keys have none
        self.own_norm, self.cross_norm, self._mlp_norm = block.attn_ln, block.cross_attn_ln, block.mlp_ln
        self.own = _packed_linear(weights, torch.cat([own.query.bias, no_bias, own.value.bias]))
        self.own_out = _packed_linear(own.out.weight, own.out.bias)
        self.cross_query = _packed_linear(cross.query.weight, cross.query.bias)
        self.cross_out = _packed_linear(cross.out.weight, cross.out.bias)
        self.cross_key, self.cross_value = cross.key.weight.detach(), cross.value  # once a window, for all positions
        self._widen = _packed_linear(block.mlp[0].weight, block.mlp[0].bias)
        self._narrow = _packed_linear(block.mlp[2].weight, block.mlp[2].bias)

    def mlp(self, hidden: torch.Tensor) -> torch.Tensor:
        return self._narrow(F.gelu(self._widen(self._mlp_norm(hidden))))


def _attend(query: torch.Tensor, keys: torch.Tensor, values: torch.Tensor) -> torch.Tensor:
    """Attention with keys ``(..., width, length)``; one query reads them a third faster than by torch's own."""
    return (query * query.shape[-1] ** -0.5 @ keys).softmax(-1) @ values


def _packed_linear(weight: torch.Tensor, bias: torch.Tensor | None) -> Callable[[torch.Tensor], torch.Tensor]:
    """``F.linear`` with the weight reordered once instead of at every call, where torch can."""
    weight = weight.detach().contiguous()
    bias = None if bias is None else bias.detach()
    if not (torch.backends.mkldnn.is_available() and hasattr(torch.ops.mkldnn, "_linear_pointwise")):
        return lambda hidden: F.linear(hidden, weight, bias)
    packed = torch.ops.mkldnn._reorder_linear_weight(weight, _PACKED_ROWS)
    return lambda hidden: torch.ops.mkldnn._linear_pointwise(hidden, packed, bias, "none", [], "")
