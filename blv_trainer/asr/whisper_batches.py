"""Windows with equal options decoded as one batch by openai-whisper's own ``DecodingTask``, whatever device or option.

A batch lasts as long as its longest row; on a processor ``whisper_rows`` avoids that.
"""

from __future__ import annotations

import logging
from typing import Any

import torch
from torch.distributions import Categorical
from whisper.decoding import DecodingTask, GreedyDecoder
from whisper.model import Whisper

from blv_trainer.asr.whisper_windows import Window, detect_language, encode

_PATIENCE = 3  # batches

logger = logging.getLogger(__name__)


class BatchDecoder:
    """Decodes the largest group of waiting windows that have equal options.

    ``capacity`` windows at a time: it doubles up to a limit, if there is one, and halves where memory does not suffice.
    """

    def __init__(self, model: Whisper, capacity: int, *, limit: int = 1):
        self.capacity = capacity
        self._limit = limit
        self._model = model
        self._waiting: list[Window] = []  # the longest waiting first
        self._passed_over = 0  # batches since the first of them could have gone

    def submit(self, window: Window) -> None:
        """Takes a window to be decoded."""
        self._waiting.append(window)

    @torch.no_grad()
    def step(self) -> list[Window]:
        """Decodes one batch; gives its windows, answered."""
        group = self._next_group()
        try:
            self._decode(group)
        except torch.OutOfMemoryError as error:
            if len(group) == 1:
                group[0].error = error
                return group
            self._limit, self.capacity = len(group) - 1, len(group) // 2
            logger.warning(
                "Memory does not suffice for a batch of %d windows; going on with %d.", len(group), self.capacity
            )
            self._waiting.extend(group)
            return []
        except Exception:  # one of them it was; the others go on
            for window in group:
                try:
                    self._decode([window])
                except Exception as error:
                    window.error = error
            return group
        if len(group) == self.capacity and 2 * self.capacity <= self._limit:
            self.capacity *= 2
        return group

    def _next_group(self) -> list[Window]:
        groups: dict[str, list[Window]] = {}
        for window in self._waiting:
            groups.setdefault(window.key, []).append(window)
        group = max(groups.values(), key=len)
        # The largest goes first, and lets others of a rare kind (a higher temperature, another language) gather; but
        # not for ever.
        self._passed_over = 0 if self._waiting[0] in group else self._passed_over + 1
        if self._passed_over > _PATIENCE:
            group, self._passed_over = groups[self._waiting[0].key], 0
        group = group[: self.capacity]
        self._waiting = [window for window in self._waiting if window not in group]
        return group

    def _decode(self, group: list[Window]) -> None:
        if new := [window for window in group if window.features is None]:
            encoded = self._model.encoder(torch.stack([window.mel for window in new]))
            for window, features in zip(new, encoded, strict=True):
                window.features = features
        options = group[0].options
        if options is None:
            for window in group:
                window.answer = detect_language(self._model, window)
            return
        task = _SeededTask(self._model, options)
        if isinstance(task.decoder, GreedyDecoder):
            task.decoder = _SeededDecoder(options.temperature, task.tokenizer.eot, [window.seed for window in group])
        answers = task.run(torch.stack([encode(self._model, window) for window in group]))
        for window, answer in zip(group, answers, strict=True):
            window.answer = answer


class _SeededTask(DecodingTask):
    """Upstream's task, which as of 20250625 repeats the tokens by the number of samples; here the features too."""

    def _get_audio_features(self, mel: torch.Tensor) -> torch.Tensor:
        return super()._get_audio_features(mel).repeat_interleave(self.n_group, dim=0)

    def _detect_language(self, audio_features: torch.Tensor, tokens: torch.Tensor) -> tuple[list[str], Any]:
        return super()._detect_language(audio_features[:: self.n_group], tokens)


class _SeededDecoder(GreedyDecoder):
    """Upstream's decoder with a stream of random numbers for each window, as for a lone one on a processor."""

    def __init__(self, temperature: float, eot: int, seeds: list[int]):
        super().__init__(temperature, eot)
        self._streams = [torch.Generator().manual_seed(seed) for seed in seeds]

    def update(
        self, tokens: torch.Tensor, logits: torch.Tensor, sum_logprobs: torch.Tensor
    ) -> tuple[torch.Tensor, bool]:
        if self.temperature == 0:
            return super().update(tokens, logits, sum_logprobs)
        probabilities = Categorical(logits=logits / self.temperature).probs.cpu().chunk(len(self._streams))
        drawn = [torch.multinomial(p, 1, generator=g) for p, g in zip(probabilities, self._streams, strict=True)]
        next_tokens = torch.cat(drawn)[:, 0].to(tokens.device)
        ended = tokens[:, -1] == self.eot
        log_probabilities = torch.log_softmax(logits.float(), dim=-1)
        sum_logprobs += log_probabilities.gather(1, next_tokens[:, None])[:, 0] * ~ended
        next_tokens[ended] = self.eot
        return torch.cat([tokens, next_tokens[:, None]], dim=-1), bool((next_tokens == self.eot).all())
