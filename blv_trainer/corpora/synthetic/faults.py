"""Irregularities of answers: levels, numbers, texts and recordings that are not as they should be.

Each function plants one in a draft and says what to expect; it returns False where the draft has no place for it.
``FAULTS`` holds these and those of `litter`, by the kind of finding that they lead to.
"""

import os
from collections.abc import Callable
from functools import wraps

from blv_trainer.corpora.icnale.names import LABELS, AnswerKey
from blv_trainer.corpora.synthetic import litter
from blv_trainer.corpora.synthetic.draft import Draft

Fault = Callable[[Draft], bool]
LearnerFault = Callable[[Draft, list[AnswerKey]], None]


def _on_one_learner(
    *, needs_audio: bool = False, needs_twin: bool = False, with_next: bool = False
) -> Callable[[LearnerFault], Fault]:
    """Makes ``fault(draft, keys)`` a function of the draft that gives it the answers of a learner not yet hit."""

    def decorate(fault: LearnerFault) -> Fault:
        @wraps(fault)
        def plant(draft: Draft) -> bool:
            if (needs_audio and not draft.audio) or (needs_twin and not draft.layout.twin):
                return False
            keys = draft.take_learner(with_next=with_next)
            if keys is None:
                return False
            fault(draft, keys)
            return True

        return plant

    return decorate


@_on_one_learner(needs_audio=True)
def plant_level_conflict(draft: Draft, keys: list[AnswerKey]) -> None:
    """A speaker's four recordings say another level than the texts."""
    label = _another_label(draft, keys[0])
    if draft.background:
        draft.background[keys[0].speaker] = label
    for key in keys:
        draft.audio[key].label = label
        draft.set_label(key, label)
        draft.plant("level_conflict", key.id)


@_on_one_learner(with_next=True)
def plant_renumbered(draft: Draft, keys: list[AnswerKey]) -> None:
    """One text has the number of the next speaker, who has another level."""
    key = draft.choose(keys)
    draft.texts[key].key = AnswerKey(key.region, f"{int(key.number) + 1:03}", key.task)
    draft.plant("renumbered", draft.text_path(key))


@_on_one_learner()
def plant_several_levels(draft: Draft, keys: list[AnswerKey]) -> None:
    """One answer has another level than the speaker's other three, in text and recording alike."""
    key = draft.choose(keys)
    label = _another_label(draft, key)
    draft.set_label(key, label)
    for files in (draft.texts, draft.audio):
        if key in files:
            files[key].label = label
    draft.plant("several_levels", key.speaker)


@_on_one_learner()
def plant_same_text_of_one_speaker(draft: Draft, keys: list[AnswerKey]) -> None:
    """Both trials have the same text."""
    first, second = sorted(keys)[:2]
    draft.set_text(second, draft.texts[first].content, draft.answers[first].text)
    draft.plant("same_text_of_one_speaker", first.id)


@_on_one_learner()
def plant_same_text_of_two_speakers(draft: Draft, keys: list[AnswerKey]) -> None:
    """Two speakers have the same text."""
    others = draft.take_learner()
    if others is not None:
        first, second = sorted((draft.choose(keys), draft.choose(others)))
        draft.set_text(second, draft.texts[first].content, draft.answers[first].text)
        draft.plant("same_text_of_two_speakers", first.id)


@_on_one_learner(needs_audio=True)
def plant_text_without_audio(draft: Draft, keys: list[AnswerKey]) -> None:
    """A recording is missing."""
    key = draft.choose(keys)
    del draft.audio[key]
    draft.plant("text_without_audio", key.id)


@_on_one_learner(needs_audio=True)
def plant_audio_without_text(draft: Draft, keys: list[AnswerKey]) -> None:
    """A text is missing."""
    key = draft.choose(keys)
    del draft.texts[key]
    draft.lose_text(key)


@_on_one_learner()
def plant_duplicate_text(draft: Draft, keys: list[AnswerKey]) -> None:
    """A second text of one answer, under another level, that no neighbour lacks."""
    key = draft.choose(keys)
    path = draft.layout.text_path(key, _another_label(draft, key))
    draft.extra[path] = f"This is a second text of {key.id}.".encode("utf-8-sig")
    draft.plant("duplicate_text", path)


@_on_one_learner(needs_audio=True)
def plant_duplicate_audio(draft: Draft, keys: list[AnswerKey]) -> None:
    """A second recording of one answer in another folder."""
    key = draft.choose(keys)
    name = os.path.basename(draft.layout.audio_path(key, draft.audio[key].label, draft.audio_extension))
    path = f"{draft.layout.audio}/zz_again/{name}".lstrip("/")
    draft.extra[path] = b"again"
    draft.plant("duplicate_audio", path)


@_on_one_learner(needs_twin=True)
def plant_other_tree(draft: Draft, keys: list[AnswerKey]) -> None:
    """The second unmerged tree gives a text another level."""
    key = draft.choose(keys)
    draft.twin_labels[key] = _another_label(draft, key)
    draft.plant("other_tree", draft.layout.twin_path(key, draft.twin_labels[key]))


@_on_one_learner()
def plant_cp1252(draft: Draft, keys: list[AnswerKey]) -> None:
    """A text that is not UTF-8."""
    key = draft.choose(keys)
    text = f"{draft.answers[key].text} It\N{RIGHT SINGLE QUOTATION MARK}s true \N{EN DASH} really."
    draft.set_text(key, text.encode("cp1252"), text)
    draft.plant("cp1252", draft.text_path(key))


@_on_one_learner()
def plant_not_text(draft: Draft, keys: list[AnswerKey]) -> None:
    """A recording under the name of a text."""
    key = draft.choose(keys)
    draft.texts[key].content = b"ID3\x04\x00\x00\xff\xfb\x90\x64\x00"
    draft.plant("not_text", draft.text_path(key))
    draft.lose_text(key)


@_on_one_learner()
def plant_very_short(draft: Draft, keys: list[AnswerKey]) -> None:
    """A text of a few words."""
    key = draft.choose(keys)
    text = f"I agree because {key.number} {key.region}."
    draft.set_text(key, text, text)
    draft.plant("very_short", draft.text_path(key))


@_on_one_learner()
def plant_empty(draft: Draft, keys: list[AnswerKey]) -> None:
    """A text of nothing but a line break."""
    key = draft.choose(keys)
    draft.set_text(key, "\n", "")
    draft.plant("empty", draft.text_path(key))


def _another_label(draft: Draft, key: AnswerKey) -> str:
    return draft.choose([label for label in LABELS[:-1] if label != draft.answers[key].label])


FAULTS: dict[str, Fault] = {
    name.removeprefix("plant_"): fault
    for name, fault in [*globals().items(), *vars(litter).items()]
    if name.startswith("plant_")
}
