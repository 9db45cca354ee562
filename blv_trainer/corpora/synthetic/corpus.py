"""Writes an invented corpus to a folder, under the names and in the folders of the ICNALE Spoken Monologue 2.1."""

import os
from collections import Counter, defaultdict
from dataclasses import dataclass
from pathlib import Path

from blv_trainer.corpora.icnale.names import CODE_OF_LABEL, Answer
from blv_trainer.corpora.synthetic.answers import generate_answers


@dataclass(frozen=True)
class WrittenCorpus:
    """What stands in a written folder."""

    folder: Path
    answers: list[Answer]  # what a reader should give, in its order; audio is None


def write_corpus(
    folder: str | os.PathLike, num_speakers: int = 300, *, seed: int = 0, has_audio: bool = False
) -> WrittenCorpus:
    """Writes invented answers as a corpus folder; the same arguments write the same names and texts.

    Args:
        folder: Where to write; made if missing, must be empty.
        num_speakers: As in `generate_answers`.
        seed: As in `generate_answers`.
        has_audio: Whether to write recordings, too: names of mp3 files without sound.

    Returns:
        ``folder``, and ``answers`` as a reader should give them.

    Raises:
        FileExistsError: Where the folder is not empty.

    Examples:
        >>> import tempfile
        >>> corpus = write_corpus(tempfile.mkdtemp(), 5)
        >>> len(corpus.answers), len(list(corpus.folder.rglob("SM_0_Unclassified_Unmerged/*.txt")))
        (20, 20)
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    if any(folder.iterdir()):
        raise FileExistsError(f"{folder} is not empty. Give a new folder.")
    answers = generate_answers(num_speakers, seed=seed, as_read=True)
    merged = defaultdict(list)
    per_region = Counter(answer.region for answer in answers)
    for answer in answers:
        code = CODE_OF_LABEL[answer.label]
        name, class_folder = f"{answer.id}_{code}", f"SM_{answer.region}_{code}"
        content = (answer.raw_text or "").encode("utf-8-sig")
        merged[f"{class_folder}.txt"].append(content)
        for tree in ("SM_0_Unclassified_Unmerged", f"SM_1_Classified_Unmerged/{class_folder}"):
            _write(folder / "ICNALE_SM_2.1" / tree / f"{name}.txt", content)
        if has_audio:
            region_folder = f"ICNALE_SM_{answer.region}_N{per_region[answer.region]}"
            _write(folder / "ICNALE_SM_Audio" / region_folder / f"{name}.mp3", b"")
    for file_name, contents in merged.items():
        _write(folder / "ICNALE_SM_2.1" / "SM_2_Classified_Merged" / file_name, b"\r\n".join(contents))
    return WrittenCorpus(folder, answers)


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
