"""Options of ``load_dataset("icnale_asa", ...)``, and the id that tells a cached build from a stale one."""

import hashlib
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass

import datasets

from blv_trainer.asr import MERGED_FILE
from blv_trainer.corpora.icnale.corpus_files import CorpusFiles, find_files
from blv_trainer.corpora.icnale.names import LABELS, NATIVE_REGION, REGIONS, TOPICS

_CHOICES = {
    "level_from": ("audio", "text", "drop"),
    "transcripts": ("human", "whisper", "both"),
    "split_by": ("speaker", "sample", "kfold"),
    "levels": (5, 4),
    "topics": TOPICS,
    "regions": REGIONS,
}


@dataclass
class IcnaleConfig(datasets.BuilderConfig):
    """How a corpus folder becomes a dataset.

    Args:
        data_dir: The corpus folder.
        audio_dir: Folder of the recordings, where they lie elsewhere.
        text_tree: The tree of texts to read, where two differ.
        level_from: ``audio``, ``text`` or ``drop``: which file name decides where they differ.
        keep_breaks: Keep the spaced dash that marks a break.
        keep_masks: Keep ``[***]``, which stands for a masked name.
        keep_trailing: Keep ``...`` at the end, where the minute ran out.
        keep_fillers: Keep uh, um, uhm, umm, ah, hmm.
        raw_text: Add the column ``text_raw``: the human transcript as the file has it.
        transcripts: ``human``, ``whisper``, or ``both`` (``text`` is Whisper's, ``text_human`` the other).
        whisper_transcripts: File of finished Whisper transcripts, or the folder that ``blv-trainer transcribe`` wrote.
            With ``whisper_model`` the folder to keep them in; None for ``<data_dir>_whisper``.
        whisper_model: Transcribe the recordings that the folder has no transcript of by this model: name or path of
            the weights. What is done is kept, so that a run that was stopped goes on.
        allow_missing: Leave out recordings without a transcript, with a warning, instead of an error.
        levels: 5, or 4 for B1 undivided.
        natives: Keep native speakers.
        topics: Topics to keep, of ``TOPICS``; None for all.
        regions: Regions to keep, of ``REGIONS``; None for all.
        background: The background sheet (xlsx), for columns about the speakers.
        durations: Read the length of each recording from its header, for ``duration_s``.
        split_by: ``speaker``, ``sample`` or ``kfold`` (the folds of speakers as splits, ``fold_0`` and so on).
        split_seed: Another seed, another split.
        folds: Number of folds, for ``kfold``.
        num_folds: With ``fold``, cross-validation by ``k_folds``: "test" is that fold, "train" all others. What stays
            together is ``split_by``, a speaker or a sample.
        fold: Which of the ``num_folds``, from 0.
        split_file: TSV of ``id`` and ``split`` that decides instead of ``split_by``.

    Raises:
        ValueError: Where an option has a value that is not accepted.
    """

    data_dir: str | None = None
    audio_dir: str | None = None
    text_tree: str | None = None
    level_from: str = "audio"
    keep_breaks: bool = True
    keep_masks: bool = True
    keep_trailing: bool = True
    keep_fillers: bool = True
    raw_text: bool = False
    transcripts: str = "human"
    whisper_transcripts: str | None = None
    whisper_model: str | None = None
    allow_missing: bool = False
    levels: int = 5
    natives: bool = True
    topics: Sequence[str] | None = None
    regions: Sequence[str] | None = None
    background: str | None = None
    durations: bool = False
    split_by: str = "speaker"
    split_seed: int = 42
    folds: int = 5
    num_folds: int | None = None
    fold: int | None = None
    split_file: str | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        for name, choices in _CHOICES.items():
            value = getattr(self, name)
            if name in ("topics", "regions"):
                value = choices if value is None else (value,) if isinstance(value, str) else tuple(value)
                setattr(self, name, value)
            for one in value if isinstance(value, tuple) else (value,):
                if one not in choices:
                    raise ValueError(f"{name}={one!r} is unknown. Choose from: {', '.join(map(str, choices))}.")
        self._check_fold()
        if self.transcripts == "human" and self.whisper_model is not None:
            raise ValueError(
                f"whisper_model={self.whisper_model!r} has nothing to do with transcripts='human'. "
                "Give transcripts='whisper' or 'both', or leave it out."
            )
        if self.transcripts != "human" and self.whisper_transcripts is None and self.whisper_model is None:
            raise ValueError(
                f"transcripts={self.transcripts!r} needs whisper_transcripts=FILE, a .parquet or .jsonl file with the "
                "columns id and text; `blv-trainer transcribe` writes one. Or whisper_model=NAME, which transcribes "
                "the recordings first. transcripts='human' needs none."
            )
        if self.whisper_model is not None and self.whisper_transcripts is not None:
            path = os.path.expanduser(self.whisper_transcripts)
            if os.path.isfile(path) or path.lower().endswith((".parquet", ".jsonl")):
                raise ValueError(
                    f"whisper_transcripts={self.whisper_transcripts!r} is a finished file: whisper_model adds nothing "
                    "to it. Give a folder to keep the transcripts in, or leave out one of the two."
                )
        for name in ("audio_dir", "whisper_transcripts", "background", "split_file"):
            if (path := getattr(self, name)) is not None:
                setattr(self, name, os.path.abspath(os.path.expanduser(path)))
        if self.whisper_model is not None:
            self.whisper_model = os.path.expanduser(self.whisper_model)

    def _check_fold(self) -> None:
        given = f"num_folds={self.num_folds!r} and fold={self.fold!r}"
        if (self.num_folds is None) != (self.fold is None):
            raise ValueError(f"{given} go together: give both, as in num_folds=5, fold=0, or neither.")
        if self.num_folds is None or self.fold is None:
            return
        if self.split_by == "kfold" or self.split_file is not None:
            other = "split_by='kfold'" if self.split_file is None else f"split_file={self.split_file!r}"
            raise ValueError(f"{given} cannot go with {other}. Leave out one; split_by may be 'speaker' or 'sample'.")
        if not 0 <= self.fold < max(self.num_folds, 1):
            raise ValueError(f"{given}: choose a fold from 0 to {self.num_folds - 1}.")

    @property
    def folder(self) -> str:
        """The corpus folder; a ValueError where none was given."""
        if self.data_dir is None:
            raise ValueError('load_dataset("icnale_asa") needs data_dir=FOLDER, the folder of the unpacked corpus.')
        return os.path.abspath(os.path.expanduser(self.data_dir))

    @property
    def transcripts_path(self) -> str | None:
        """The file of finished transcripts, or the folder that ``whisper_model`` fills; None with human ones."""
        if self.transcripts == "human":
            return None
        path = self.whisper_transcripts or f"{self.folder}_whisper"
        return os.path.join(path, MERGED_FILE) if self.whisper_model is None and os.path.isdir(path) else path

    @property
    def label_names(self) -> list[str]:
        """Names of the classes, from low to high."""
        names = LABELS if self.levels == 5 else ("A2", "B1", "B2", "native")
        has_natives = self.natives and NATIVE_REGION in (self.regions or ())
        return [name for name in names if name != "native" or has_natives]

    def class_of(self, label: str) -> int:
        """Index of a label of the corpus among ``label_names``."""
        return self.label_names.index("B1" if self.levels == 4 and label.startswith("B1") else label)

    def find_files(self) -> CorpusFiles:
        """The files of the corpus, before any is opened."""
        needs_texts = self.transcripts != "whisper"
        return find_files(self.folder, audio_dir=self.audio_dir, text_tree=self.text_tree, needs_texts=needs_texts)

    def create_config_id(self, config_kwargs: dict, custom_features: datasets.Features | None = None) -> str:
        """Name of the cache folder: a digest of the options and of every file that is read."""
        # What load_dataset itself looks at, data_files, would not show a change that keeps the time of modification.
        options = vars(self) | {"data_files": None, "whisper_transcripts": self.transcripts_path}
        files = self.find_files()
        others = [options[name] for name in ("whisper_transcripts", "whisper_model", "background", "split_file")]
        paths = [file.full_path for file in files.texts + files.audio]
        paths += [path for path in others if path and os.path.isfile(path)]  # a missing one is reported when it is read
        state = [(path, s.st_size, s.st_mtime_ns, s.st_ctime_ns) for path in paths for s in [os.stat(path)]]
        text = json.dumps([options, state, str(custom_features)], default=str, sort_keys=True)
        return f"{self.name}-{hashlib.sha256(text.encode()).hexdigest()[:16]}"
