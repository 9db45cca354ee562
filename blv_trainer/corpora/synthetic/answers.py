"""Invented answers with the shape of the ICNALE Spoken Monologue: levels differ, overlap, and belong to speakers.

Nothing in them comes from the corpus. Each speaker has a hidden proficiency around the level's place on a scale (A2 = 0
... native = 4.5), which sets words, connectives, clauses for each sentence, learner errors, fillers and length.
"""

import random
import re
from collections.abc import Sequence
from dataclasses import replace
from itertools import count

from blv_trainer.corpora.icnale.names import (
    LABELS,
    NATIVE_REGION,
    PUBLISHED_SET_COUNTS,
    PUBLISHED_SPEAKERS,
    TASKS,
    Answer,
)
from blv_trainer.corpora.synthetic import phrases

MEAN_WORDS = (92, 96, 115, 111, 154)  # words per answer in release 2.1, in the order of LABELS

_PROFICIENCY = (0.0, 1.0, 2.0, 3.0, 4.5)  # of each label
_SPEAKER_SPREAD, _ANSWER_SPREAD = 0.8, 0.2  # standard deviations around the level's proficiency
_PHRASE_REACH = 2.2  # how far from their own proficiency speakers reach for words
_VOWEL_SOUND = re.compile(r"\ba (?=[aeio]|u(?!ni|se|su))")


def generate_answers(num_speakers: int = 300, *, seed: int = 0, as_read: bool = False) -> list[Answer]:
    """Invents four answers of each of ``num_speakers`` speakers, with the published proportions of levels.

    The same seed gives the same answers on every machine.

    Args:
        num_speakers: At least 5, so that every level has a speaker; at most 6,000 (numbers have three digits).
        seed: Any integer.
        as_read: Whether to give what ``read_corpus`` gives of a folder by ``write_corpus``: curly quotes, masked names,
            and in ``raw_text`` what the file holds.

    Returns:
        ``4 * num_speakers`` answers, sorted by region, number and task.

    Raises:
        ValueError: Where ``num_speakers`` is out of range.

    Examples:
        >>> answers = generate_answers(50, seed=1)
        >>> [sum(answer.label == label for answer in answers) // 4 for label in LABELS]
        [4, 10, 22, 7, 7]
    """
    if not 5 <= num_speakers <= 6000:
        raise ValueError(f"num_speakers={num_speakers} is out of range: choose from 5 to 6000.")
    answers = []
    for region, number, level in _speakers(num_speakers, seed):
        rng = random.Random(f"{seed}:{region}:{number}")
        proficiency = _normal(_PROFICIENCY[level], _SPEAKER_SPREAD, rng)
        agrees = {"PTJ": rng.random() < 0.75, "SMK": rng.random() < 0.75}
        for task in TASKS:
            theme = (task[:3], agrees[task[:3]])
            text = _answer(theme, level, _normal(proficiency, _ANSWER_SPREAD, rng), rng)
            answers.append(Answer(region, f"{number:03}", task, LABELS[level], text))
    rng = random.Random(f"{seed}:draft")
    return [_as_read(answer, rng) for answer in answers] if as_read else answers


def _as_read(answer: Answer, rng: random.Random) -> Answer:
    """The answer with a raw text as files have it, and what cleaning makes of it; shares as in release 2.1."""
    text = (answer.text or "").replace("'", "\N{RIGHT SINGLE QUOTATION MARK}")
    if rng.random() < 0.02:
        text = text.replace(". ", ". My name is [***]. ", 1)
    raw_text = text
    if rng.random() < 0.2:  # has few apostrophes to hit, hence more often than the 2 % of files
        raw_text = raw_text.replace("\N{RIGHT SINGLE QUOTATION MARK}", "\x92")  # of Windows-1252, read as Latin-1
    if rng.random() < 0.05:
        raw_text = raw_text.replace(". ", ".\r\n\r\n")
    if rng.random() < 0.045:
        raw_text = "\n" + raw_text
    return replace(answer, text=text, raw_text=raw_text)


def _speakers(num_speakers: int, seed: int) -> list[tuple[str, int, int]]:
    """(region, number, level) of each speaker: levels and regions as published, scaled."""
    rng = random.Random(f"{seed}:speakers")
    per_level = _share_out(num_speakers, tuple(PUBLISHED_SET_COUNTS.values()))
    learners = [level for level, size in enumerate(per_level[:-1]) for _ in range(size)]
    regions = [region for region in PUBLISHED_SPEAKERS if region != NATIVE_REGION]
    per_region = _share_out(len(learners), tuple(PUBLISHED_SPEAKERS[region] for region in regions), least=0)
    homes = [region for region, size in zip(regions, per_region, strict=True) for _ in range(size)]
    _shuffle(learners, rng)
    speakers = [*zip(homes, learners, strict=True), *[(NATIVE_REGION, len(LABELS) - 1)] * per_level[-1]]
    numbers = {region: count(1) for region in PUBLISHED_SPEAKERS}
    return sorted((region, next(numbers[region]), level) for region, level in speakers)


def _share_out(total: int, weights: tuple[int, ...], *, least: int = 1) -> list[int]:
    """Whole numbers proportional to ``weights`` that sum to ``total`` (largest remainders), each at least ``least``."""
    whole = sum(weights)
    shares = [max(least, total * weight // whole) for weight in weights]
    by_remainder = sorted(range(len(weights)), key=lambda i: -(total * weights[i] % whole))
    for i in by_remainder[: max(total - sum(shares), 0)]:
        shares[i] += 1
    while sum(shares) > total:  # the least ones took from the largest
        shares[shares.index(max(shares))] -= 1
    return shares


def _shuffle(items: list, rng: random.Random) -> None:
    # Fisher-Yates on rng.random(): the only stream that Python promises never to change.
    for i in range(len(items) - 1, 0, -1):
        j = int(rng.random() * (i + 1))
        items[i], items[j] = items[j], items[i]


def _answer(theme: tuple[str, bool], level: int, proficiency: float, rng: random.Random) -> str:
    """Sentences until the minute is full; fluency decides how many words that takes."""
    length = max(45.0, _normal(MEAN_WORDS[level], 18 + 4 * level, rng))
    clauses = list(phrases.CLAUSES[theme])
    sentences = [_say(_pick(phrases.OPENINGS[theme], proficiency, rng), proficiency, rng)]
    while sum(len(sentence.split()) for sentence in sentences) < length - 14:
        clauses = clauses if len(clauses) > 1 else list(phrases.CLAUSES[theme])
        sentence = _take(clauses, proficiency, rng)
        if rng.random() < 0.75:
            sentence = f"{_pick(phrases.CONNECTIVES, proficiency, rng)} {sentence}"
        if rng.random() < 0.12 + 0.13 * proficiency:
            sentence = f"{sentence} {_pick(phrases.SUBORDINATORS, proficiency, rng)} {_take(clauses, proficiency, rng)}"
        sentences.append(_say(sentence, proficiency, rng))
    if rng.random() < 0.35:
        sentences.append(_say(_pick(phrases.UNFINISHED, proficiency, rng), proficiency, rng) + "...")
    else:
        sentences.append(_say(_pick(phrases.CLOSINGS[theme], proficiency, rng), proficiency, rng) + ".")
    return ". ".join(s[0].upper() + s[1:] for s in sentences)


def _say(sentence: str, proficiency: float, rng: random.Random) -> str:
    """Fills the slots, makes a learner's errors, and hesitates."""
    while "{" in sentence:
        sentence = re.sub(r"\{(\w+)\}", lambda m: _pick(phrases.SLOTS[m[1]], proficiency, rng), sentence)
    error_rate = max(0.02, 0.45 - 0.12 * proficiency)

    def utter(marked: re.Match) -> str:
        right, _, wrong = marked[1].partition("|")
        return wrong if rng.random() < error_rate else right

    words = _VOWEL_SOUND.sub("an ", re.sub(r"\[([^]]*)\]", utter, sentence)).split()
    hesitation = max(0.02, 0.11 - 0.02 * proficiency)
    spoken = []
    for word in words:
        if rng.random() < hesitation:
            spoken.append(_pick(phrases.FILLERS, proficiency, rng))
        if rng.random() < 0.3 * hesitation:
            spoken.append("\N{EN DASH}")
        if rng.random() < 0.4 * hesitation:
            spoken.append(word)  # repeats itself
        spoken.append(word)
    return " ".join(spoken)


def _take(clauses: list[tuple[float, str]], proficiency: float, rng: random.Random) -> str:
    """Picks a clause that this answer has not used yet, and strikes it from the list."""
    text = _pick(clauses, proficiency, rng)
    clauses[:] = [clause for clause in clauses if clause[1] != text]
    return text


def _pick(options: Sequence[tuple[float, str]], proficiency: float, rng: random.Random) -> str:
    """A phrase, likelier the nearer its place is to the speaker's proficiency."""
    weights = [0.02 + max(0.0, 1 - abs(place - proficiency) / _PHRASE_REACH) ** 2 for place, _ in options]
    point = rng.random() * sum(weights)
    for weight, (_, phrase) in zip(weights, options, strict=True):
        point -= weight
        if point < 0:
            return phrase
    return options[-1][1]


def _normal(mean: float, deviation: float, rng: random.Random) -> float:
    # Twelve uniforms (Irwin-Hall): nearly normal, and free of log and cos, whose last digit depends on the machine.
    return mean + deviation * (sum(rng.random() for _ in range(12)) - 6)
