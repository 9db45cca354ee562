"""One answer of one speaker: the row that every stage of the corpus hands on."""

from dataclasses import dataclass

from blv_trainer.corpora.icnale.names import AnswerKey


@dataclass(frozen=True)
class Answer:
    """One spoken answer; the fields are the columns of the corpus.

    Args:
        id: ``SM_<region>_<task>_<number>``: the file's stem without the level, which two files may state differently.
        text: The cleaned text; None where there is audio and no text.
        label: One of ``LABELS``, from A2 to native.
        region: One of ``REGIONS``; ``ENS`` for native speakers.
        speaker: ``<region>_<number>``.
        task: One of ``TASKS``: topic and trial.
        topic: ``PTJ`` (part-time job) or ``SMK`` (smoking ban).
        trial: 1 or 2.
        audio: Path of the recording; None where there is none.
        raw_text: The text as the file has it, decoded and nothing else; None where there is no text.
    """

    id: str
    text: str | None
    label: str
    region: str
    speaker: str
    task: str
    topic: str
    trial: int
    audio: str | None = None
    raw_text: str | None = None

    @classmethod
    def from_key(
        cls, key: AnswerKey, label: str, text: str | None, *, audio: str | None = None, raw_text: str | None = None
    ) -> "Answer":
        """An answer with the columns that follow from its key filled in.

        Examples:
            >>> Answer.from_key(AnswerKey("JPN", "061", "SMK2"), "B1_1", "I agree.").trial
            2
        """
        return cls(
            id=key.id,
            text=text,
            label=label,
            region=key.region,
            speaker=key.speaker,
            task=key.task,
            topic=key.task[:3],
            trial=int(key.task[3]),
            audio=audio,
            raw_text=raw_text,
        )
