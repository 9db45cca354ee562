"""Plants irregularities in a written corpus, and knows what a reader should then give and find."""

import random
import shutil
from dataclasses import dataclass, field, replace
from pathlib import Path

import openpyxl
import soundfile

from blv_trainer.corpora.icnale.background import BACKGROUND_COLUMNS, SHEET
from blv_trainer.corpora.icnale.names import CODE_OF_LABEL, LABELS, Answer, AnswerKey
from blv_trainer.corpora.icnale.quality_report import Finding
from blv_trainer.corpora.synthetic import write_corpus

FAULTS = []
TREES = {
    "2.1": "ICNALE_SM_2.1/SM_0_Unclassified_Unmerged",
    "2.0": "ICNALE_SM_2.0_T/ICNALE_Spoken_Monologue_2.0_Transcripts/Unmerged_classified",
    "flat": "",
}


@dataclass
class PlantedCorpus:
    """A corpus folder, what a reader should give, and what it should find."""

    folder: Path
    tree: str  # of the texts that a reader should choose
    by_key: dict[AnswerKey, Answer]
    rng: random.Random
    planted: list[Finding] = field(default_factory=list)

    def __post_init__(self):
        self.fresh = {key.speaker for key in self.by_key if key.region != "ENS"}

    @property
    def answers(self):
        return [self.by_key[key] for key in sorted(self.by_key)]

    def learner(self, *, with_next=False):
        """The answers of a learner whom no fault has hit, nor the neighbours, so that faults do not mix."""
        numbers = sorted((speaker[:3], int(speaker[4:])) for speaker in self.fresh)
        usable = [(r, n) for r, n in numbers if not with_next or self.level(r, n + 1) not in (None, self.level(r, n))]
        region, number = self.rng.choice(usable)
        self.fresh -= {f"{region}_{number + offset:03}" for offset in range(-2, 3)}
        return [key for key in self.by_key if key.speaker == f"{region}_{number:03}"]

    def level(self, region, number):
        speaker = f"{region}_{number:03}"
        return self.by_key[AnswerKey(region, f"{number:03}", "PTJ1")].label if speaker in self.fresh else None

    def other_label(self, key):
        return self.rng.choice([label for label in LABELS[:-1] if label != self.by_key[key].label])

    def texts(self, key):
        """Its texts in all trees, first the one that a reader should choose."""
        paths = self.folder.rglob(f"{key.id}_*.txt")
        return sorted(paths, key=lambda path: not path.is_relative_to(self.folder / self.tree))

    def recordings(self, key):
        return list(self.folder.rglob(f"{key.id}_*.mp3"))

    def change(self, key, **columns):
        self.by_key[key] = replace(self.by_key[key], **columns)

    def found(self, kind, path):
        subject = path.relative_to(self.folder).as_posix() if isinstance(path, Path) else path
        self.planted.append(Finding(kind, subject))


def plant(folder, num_speakers, *, seed=0, layout="2.1", has_audio=False):
    """Writes a corpus of at least 80 speakers with an irregularity of every kind that has a place."""
    written = write_corpus(folder, num_speakers, seed=seed, has_audio=has_audio)
    lay_out(written.folder, layout)
    by_key = {AnswerKey(a.region, a.number, a.task): a for a in written.answers}
    corpus = PlantedCorpus(written.folder, TREES[layout], by_key, random.Random(seed))
    for fault in FAULTS:
        fault(corpus)
    corpus.planted.sort()
    return corpus


def lay_out(folder, layout):
    """Moves what `write_corpus` wrote to where release 2.0 has it, or all into one folder."""
    written = folder / "ICNALE_SM_2.1"
    if layout == "2.0":
        (folder / TREES["2.0"]).parent.mkdir(parents=True)
        (written / "SM_1_Classified_Unmerged").rename(folder / TREES["2.0"])
        (written / "SM_2_Classified_Merged").rename((folder / TREES["2.0"]).with_name("Merged"))
    elif layout == "flat":
        for path in [*written.rglob("SM_0*/*.txt"), *folder.rglob("*.mp3")]:
            path.rename(folder / path.name)
    if layout != "2.1":
        shutil.rmtree(written)


def write_sounds(folder):
    """A quarter of a second of silence in place of each recording without sound."""
    for path in folder.rglob("*.mp3"):
        soundfile.write(path.with_suffix(".wav"), [0.0] * 4_000, 16_000)
        path.unlink()


def write_sheet(path, rows, *, title=SHEET):
    """A workbook of one worksheet, header first."""
    book = openpyxl.Workbook()
    book.active.title = title
    for row in rows:
        book.active.append(row)
    book.save(path)


def write_background(path, levels):
    """The background sheet of speakers whose levels are given."""
    rows = [
        (f"SM_{speaker}", speaker[:3], "y", "F", 20, "-", "z", CODE_OF_LABEL[level], 20.5)
        for speaker, level in levels.items()
    ]
    write_sheet(path, [("Code", *BACKGROUND_COLUMNS.values()), *rows])


def stem(key, label):
    return f"{key.id}_{CODE_OF_LABEL[label]}"


def fault(function):
    FAULTS.append(function)
    return function


@fault
def renumbered(corpus):
    key = corpus.rng.choice(corpus.learner(with_next=True))
    following = AnswerKey(key.region, f"{int(key.number) + 1:03}", key.task)
    paths = [path.rename(path.with_stem(stem(following, corpus.by_key[key].label))) for path in corpus.texts(key)]
    corpus.found("renumbered", paths[0])


@fault
def level_conflict(corpus):
    keys = corpus.learner()
    label = corpus.other_label(keys[0])
    for key in keys:
        for path in corpus.recordings(key):
            path.rename(path.with_stem(stem(key, label)))
            corpus.change(key, label=label)
            corpus.found("level_conflict", key.id)


@fault
def several_levels(corpus):
    key = corpus.rng.choice(corpus.learner())
    label = corpus.other_label(key)
    for path in [*corpus.texts(key), *corpus.recordings(key)]:
        path.rename(path.with_stem(stem(key, label)))
    corpus.change(key, label=label)
    corpus.found("several_levels", key.speaker)


@fault
def same_text(corpus):
    for one_speaker in (True, False):
        first, second = corpus.learner()[:2] if one_speaker else sorted(corpus.learner()[0] for _ in range(2))
        for path in corpus.texts(second):
            path.write_bytes(corpus.texts(first)[0].read_bytes())
        corpus.change(second, text=corpus.by_key[first].text)
        corpus.found("same_text_of_one_speaker" if one_speaker else "same_text_of_two_speakers", first.id)


@fault
def text_without_audio(corpus):
    key = corpus.rng.choice(corpus.learner())
    for path in corpus.recordings(key):
        path.unlink()
        corpus.found("text_without_audio", key.id)


@fault
def audio_without_text(corpus):
    key = corpus.rng.choice(corpus.learner())
    for path in corpus.texts(key):
        path.unlink()
    if corpus.recordings(key):
        corpus.change(key, text=None)
        corpus.found("audio_without_text", key.id)
    else:
        del corpus.by_key[key]


@fault
def duplicates(corpus):
    key = corpus.rng.choice(corpus.learner())
    path = corpus.texts(key)[0].with_stem(stem(key, corpus.other_label(key)))
    path.write_text(f"This is a second text of {key.id}.", encoding="utf-8-sig")
    corpus.found("duplicate_text", path)
    for path in corpus.recordings(key):
        (corpus.folder / "zz").mkdir()
        (corpus.folder / "zz" / path.name).write_bytes(b"again")
        corpus.found("duplicate_audio", corpus.folder / "zz" / path.name)


@fault
def other_tree(corpus):
    key = corpus.rng.choice(corpus.learner())
    for path in corpus.texts(key)[1:]:
        corpus.found("other_tree", path.rename(path.with_stem(stem(key, corpus.other_label(key)))))


@fault
def odd_texts(corpus):
    for kind, content, text in [
        ("cp1252", b"It\x92s true \x96 " + b"really " * 30, "It\u2019s true \u2013 " + "really " * 30),
        ("very_short", b"I agree, simply.", "I agree, simply."),
        ("empty", b"\n", ""),
    ]:
        key = corpus.rng.choice(corpus.learner())
        for path in corpus.texts(key):
            path.write_bytes(content)
        corpus.found(kind, corpus.texts(key)[0])
        corpus.change(key, text=text.strip())


@fault
def files_beside_the_texts(corpus):
    for kind, name in [
        ("copy", "SM_CHN_PTJ1_001_B1_1 (1).txt"),
        ("system_file", "._SM_CHN_PTJ1_001_B1_1.txt"),
        ("other_module", "WE_CHN_PTJ0_001_B1_1.txt"),
        ("unknown_name", "SM_JPN_SMK1_061_XX_1.txt"),
        ("other_file", "ICNALE_README.txt"),
        ("zip", "ICNALE_SM_2.1.zip"),
    ]:
        path = corpus.folder / corpus.tree / name
        path.write_bytes(b"I agree.")
        corpus.found(kind, path)
