"""Windows decoded as rows: one that ends is replaced at the next token by the next window.

In a batch of lengths as uneven as real speech gives, a fifth to two fifths of the work goes to rows that have ended.
Here each row has its own prompt, position, temperature, language and stream of random numbers.
"""

from __future__ import annotations

import math
from collections import deque

import numpy as np
import torch
from whisper.decoding import ApplyTimestampRules, DecodingResult, DecodingTask, SuppressTokens
from whisper.model import Whisper
from whisper.utils import compression_ratio

from blv_trainer.asr.whisper_slots import SlotDecoder
from blv_trainer.asr.whisper_windows import Window, detect_language, encode

TIE = 1e-4  # logits closer than this may change places by rounding
_REMEMBERED_TASKS = 64


class RowDecoder:
    """Decodes waiting windows as rows of a ``SlotDecoder``, on a processor in float32; every choice is upstream's.

    A row is one sample: beams and best-of-n are the ``BatchDecoder``'s. Where the two best choices of a greedy row lie
    within ``TIE`` of each other, so that rounding could exchange them, the window is decoded once more by
    ``whisper.decode`` alone, and that is its answer.
    """

    def __init__(self, model: Whisper, slots: int):
        self.capacity = slots
        self.redecoded = 0  # windows with a tie
        self._model = model
        self._decoder = SlotDecoder(model, slots)
        self._waiting: deque[Window] = deque()
        self._rows: list[_Row] = []  # row i has slot i
        self._tasks: dict[str, DecodingTask] = {}

    def submit(self, window: Window) -> None:
        """Takes a window to be decoded."""
        self._waiting.append(window)

    @torch.no_grad()
    def step(self) -> list[Window]:
        """Fills the free slots, then takes every row one token further; gives the windows that are finished."""
        answered = []
        while self._waiting and len(self._rows) < self._decoder.slots:
            window = self._waiting.popleft()
            try:
                answered += self._start(window)
            except Exception as error:  # the window's own failure; the others go on
                window.error = error
                answered.append(window)
        if self._rows:
            logits = self._decoder.advance([row.tokens[-1] for row in self._rows], [row.position for row in self._rows])
            for row in self._rows:
                row.position += 1
            for row, row_logits in zip(list(self._rows), logits.numpy(), strict=True):
                answered += self._choose(row, row_logits)
        return answered

    def _start(self, window: Window) -> list[Window]:
        if window.options is None:
            window.answer = detect_language(self._model, window)
            return [window]
        task = self._task(window)
        row = _Row(window, task)
        hidden = self._decoder.add(list(task.initial_tokens), encode(self._model, window))
        self._rows.append(row)
        at_start, at_end = self._decoder.logits(hidden[[task.sot_index, -1]])
        if task.tokenizer.no_speech is not None:
            row.no_speech_prob = at_start.softmax(-1)[task.tokenizer.no_speech].item()
        return self._choose(row, at_end.numpy())

    def _choose(self, row: _Row, logits: np.ndarray) -> list[Window]:
        """Takes a row one token further; gives its window if that ends it."""
        window = row.window
        try:
            if not row.choose(logits):
                return []
            if row.margin < TIE:
                self.redecoded += 1
                window.answer = self._model.decode(window.features, window.options)
            else:
                window.answer = row.result()
        except Exception as error:  # the window's own failure; the others go on
            window.error = error
        index = self._rows.index(row)
        self._decoder.remove(index, self._rows[-1].position)
        self._rows[index] = self._rows[-1]
        self._rows.pop()
        return [window]

    def _task(self, window: Window) -> DecodingTask:
        if window.key not in self._tasks:
            if len(self._tasks) == _REMEMBERED_TASKS:
                del self._tasks[next(iter(self._tasks))]
            self._tasks[window.key] = DecodingTask(self._model, window.options)
        return self._tasks[window.key]


class _Row:
    """One window being decoded; ``choose`` applies upstream's rules to it and picks its next token."""

    def __init__(self, window: Window, task: DecodingTask):
        self.window = window
        self.tokens: list[int] = []  # without the initial ones and the end of text
        self.position = len(task.initial_tokens)  # of the next token; as many are in the cache
        self.no_speech_prob = math.nan
        self.margin = math.inf  # smallest distance between the choice taken and the next best one
        self._task = task
        self._chosen = 0
        self._log_probability = np.float32(0)
        self._last_timestamp: int | None = None
        self._temperature = task.options.temperature
        self._random = torch.Generator().manual_seed(window.seed) if self._temperature > 0 else None
        filters = {type(rule): rule for rule in task.logit_filters}
        self._suppressed = filters[SuppressTokens].suppress_tokens if SuppressTokens in filters else []
        self._timestamps = filters.get(ApplyTimestampRules)

    def choose(self, logits: np.ndarray) -> bool:
        """Picks the next token by its logits ``(n_vocab,)``, which are changed; True if the row has ended."""
        tokenizer = self._task.tokenizer
        self._suppress(logits)
        text, timestamps = np.split(logits, [tokenizer.timestamp_begin])
        log_total = np.logaddexp(_log_sum_exp(text), _log_sum_exp(timestamps))
        if self._timestamps is not None:
            # All timestamps together against the single best text token.
            distance = _log_sum_exp(timestamps) - text.max()
            if distance > 0:
                text[:] = -math.inf
                log_total = _log_sum_exp(timestamps)
            self._note_margin(distance)
        token = self._pick(logits)
        self._log_probability += np.float32(logits[token]) - np.float32(log_total)
        self._chosen += 1
        if token == tokenizer.eot:
            return True
        self.tokens.append(token)
        if token >= tokenizer.timestamp_begin:
            self._last_timestamp = token
        length = len(self._task.initial_tokens) + self._chosen
        return self._chosen >= self._task.sample_len or length > self._task.n_ctx

    def result(self) -> DecodingResult:
        """What ``whisper.decode`` gives."""
        options, text = self._task.options, self._task.tokenizer.decode(self.tokens).strip()
        return DecodingResult(
            audio_features=self.window.features,
            language=options.language,
            tokens=self.tokens,
            text=text,
            avg_logprob=float(self._log_probability) / (len(self.tokens) + 1),
            no_speech_prob=self.no_speech_prob,
            temperature=options.temperature,
            compression_ratio=compression_ratio(text),
        )

    def _suppress(self, logits: np.ndarray) -> None:
        tokenizer, first = self._task.tokenizer, not self.tokens
        if first and self._task.options.suppress_blank:
            logits[[*tokenizer.encode(" "), tokenizer.eot]] = -math.inf
        logits[list(self._suppressed)] = -math.inf
        if self._timestamps is None:
            return
        begin = tokenizer.timestamp_begin
        if tokenizer.no_timestamps is not None:
            logits[tokenizer.no_timestamps] = -math.inf
        # Timestamps come in pairs, except directly before the end of text.
        after_timestamp = not first and self.tokens[-1] >= begin
        after_pair = after_timestamp and (len(self.tokens) < 2 or self.tokens[-2] >= begin)
        if after_pair:
            logits[begin:] = -math.inf
        elif after_timestamp:
            logits[: tokenizer.eot] = -math.inf
        # They never fall, and a segment has a length.
        if self._last_timestamp is not None:
            may_repeat = after_timestamp and not after_pair
            logits[begin : self._last_timestamp + (not may_repeat)] = -math.inf
        if first:
            logits[:begin] = -math.inf
            latest = self._timestamps.max_initial_timestamp_index
            if latest is not None:
                logits[begin + latest + 1 :] = -math.inf

    def _pick(self, logits: np.ndarray) -> int:
        if self._random is not None:
            probabilities = torch.from_numpy(logits / np.float32(self._temperature)).softmax(-1)
            return int(torch.multinomial(probabilities, 1, generator=self._random))
        best = int(logits.argmax())
        height, logits[best] = logits[best], -math.inf
        self._note_margin(height - logits.max())
        logits[best] = height
        return best

    def _note_margin(self, distance: float) -> None:
        if self._random is None and math.isfinite(distance):
            self.margin = min(self.margin, abs(float(distance)))


def _log_sum_exp(logits: np.ndarray) -> float:
    largest = logits.max()
    if math.isnan(largest):
        raise ArithmeticError("the model gives nan in place of probabilities")
    if largest == -math.inf:
        return -math.inf
    return float(largest + np.log(np.exp(logits - largest).sum()))
