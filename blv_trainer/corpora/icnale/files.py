"""The files of a corpus folder, sorted into texts and recordings, and the choice of one tree of texts."""

import os
import re
import zipfile
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from pathlib import Path

from blv_trainer.corpora.icnale.names import AnswerKey, is_other_module, parse_stem
from blv_trainer.corpora.icnale.report import Finding
from blv_trainer.corpora.icnale.walk import WalkedFile, walk

AUDIO_EXTENSIONS = (".mp3", ".wav", ".flac", ".ogg", ".m4a")
_RELEASE_TREE = re.compile(r"SM_\d_.*|merged|tagged", re.IGNORECASE)
HOW_TO_OBTAIN = (
    "ICNALE is free of charge after registration (https://language.sakura.ne.jp/icnale/): unpack its zips with the "
    "password that comes with the registration and give the folder."
)


@dataclass(frozen=True, order=True)
class CorpusFile:
    """A file with the name of an answer.

    Args:
        key: The answer.
        label: The label in the name.
        path: Path relative to ``root``, with forward slashes.
        size: In bytes.
        times_ns: As in `WalkedFile`.
        root: The folder that was walked.
    """

    key: AnswerKey
    label: str
    path: str
    size: int
    times_ns: tuple[int, int]
    root: str

    @property
    def full_path(self) -> str:
        """Path that can be opened."""
        return os.path.join(self.root, *self.path.split("/"))


@dataclass
class CorpusFiles:
    """The files of a corpus, before any is opened.

    Args:
        texts: Texts of the tree that was chosen, sorted.
        audio: All recordings, sorted.
        text_tree: Path of that tree relative to the corpus folder; ``.`` for texts that lie in no tree, ``none``
            where there are no texts.
        trees_not_read: Number of text files in each other tree.
        findings: What was met on the way.
    """

    texts: list[CorpusFile] = field(default_factory=list)
    audio: list[CorpusFile] = field(default_factory=list)
    text_tree: str = "none"
    trees_not_read: dict[str, int] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)


def find_files(
    data_dir: str | os.PathLike,
    *,
    audio_dir: str | os.PathLike | None = None,
    text_tree: str | None = None,
    needs_texts: bool = True,
) -> CorpusFiles:
    """Sorts the files of a corpus folder of release 2.0 or 2.1, whichever way its zips were unpacked.

    A folder whose name says unmerged is a tree of texts, and so are the texts in no such folder, taken together;
    merged and tagged folders are never read. Of several trees the one with most answers is read, on a tie an
    unclassified one.

    Args:
        data_dir: Folder that holds texts, and recordings if there are any, at any depth.
        audio_dir: Folder of (further) recordings, where they lie elsewhere.
        text_tree: The tree to read, as a path relative to ``data_dir``, where several differ.
        needs_texts: Whether a folder of recordings alone is an error.

    Raises:
        FileNotFoundError: Where a folder is missing or empty, zips are still packed, or there is no unmerged tree.
        ValueError: Where two trees each hold answers that the other lacks, where ``text_tree`` is none of them, or
            where all names are of another ICNALE module.
    """
    files = CorpusFiles()
    trees: dict[str, list[CorpusFile]] = defaultdict(list)
    merged: Counter = Counter()
    other_modules = 0
    root = _existing_folder(data_dir)
    for file in walk(root, files.findings):
        stem, extension = os.path.splitext(os.path.basename(file.path))
        tree, is_readable = _tree(root, file.path)
        parsed = parse_stem(stem)
        if extension.lower() == ".txt" and not is_readable:
            merged[tree] += 1
        elif parsed and extension.lower() == ".txt":
            trees[tree].append(_corpus_file(parsed, file, root))
        elif parsed and extension.lower() in AUDIO_EXTENSIONS:
            files.audio.append(_corpus_file(parsed, file, root))
        else:
            files.findings.append(_left_out(root, file.path, stem, extension))
            other_modules += files.findings[-1].kind == "other_module"
    if audio_dir is not None:
        audio_root = _existing_folder(audio_dir)
        if not Path(audio_root).is_relative_to(root):
            files.audio += _walk_audio(audio_root, files.findings)
    if not trees and (needs_texts or not files.audio):
        _refuse(root, files, merged, other_modules)
    if trees:
        files.text_tree = _choose(trees, text_tree, files.findings)
        files.texts = sorted(trees.pop(files.text_tree))
    files.audio.sort()
    files.trees_not_read = {tree: len(texts) for tree, texts in sorted(trees.items())} | dict(sorted(merged.items()))
    files.findings = sorted(set(files.findings))
    return files


def _corpus_file(parsed: tuple[AnswerKey, str], file: WalkedFile, root: str) -> CorpusFile:
    return CorpusFile(*parsed, file.path, file.size, file.times_ns, root)


def _walk_audio(root: str, findings: list[Finding]) -> list[CorpusFile]:
    audio = []
    for file in walk(root, findings):
        stem, extension = os.path.splitext(os.path.basename(file.path))
        parsed = parse_stem(stem)
        if parsed and extension.lower() in AUDIO_EXTENSIONS:
            audio.append(_corpus_file(parsed, file, root))
        elif extension.lower() != ".txt":
            findings.append(_left_out(root, file.path, stem, extension))
    if not audio:
        raise FileNotFoundError(f"audio_dir={root!r} holds no recording of the Spoken Monologue. {HOW_TO_OBTAIN}")
    return audio


def _existing_folder(path: str | os.PathLike) -> str:
    path = os.path.abspath(os.path.expanduser(path))
    if path != path.encode(errors="replace").decode():
        raise ValueError(f"the name of the folder {path!a} is not UTF-8; rename it.")
    if os.path.isfile(path) and path.lower().endswith(".zip"):
        raise FileNotFoundError(f"{path} is a zip that is still packed ({_lock(path)}). {HOW_TO_OBTAIN}")
    if not os.path.isdir(path):
        raise FileNotFoundError(f"There is no folder {path}. {HOW_TO_OBTAIN}")
    return path


def _tree(root: str, path: str) -> tuple[str, bool]:
    """The tree that a file lies in, and whether such a tree is read: the innermost name that says merged decides."""
    folders = path.split("/")[:-1]
    own_name = os.path.basename(root)
    # The folder given counts only under a name of the releases: what people call their own folders says nothing.
    names = [own_name.lower() if _RELEASE_TREE.fullmatch(own_name) else "", *map(str.lower, folders)]
    for depth in reversed(range(len(names))):
        if "merged" in names[depth] or "tagged" in names[depth]:
            is_read = "unmerged" in names[depth] and not any("tagged" in name for name in names)
            return "/".join(folders[:depth]) or ".", is_read
    return ".", True


def _left_out(root: str, path: str, stem: str, extension: str) -> Finding:
    if extension.lower() == ".zip":
        return Finding("zip", path, _lock(os.path.join(root, path)))
    if extension.lower() not in (".txt", *AUDIO_EXTENSIONS) or "readme" in stem.lower():
        return Finding("other_file", path)
    return Finding("other_module" if is_other_module(stem) else "unknown_name", path)


def _lock(path: str) -> str:
    try:
        with zipfile.ZipFile(path) as archive:
            is_locked = any(member.flag_bits & 1 for member in archive.infolist())
    except (OSError, zipfile.BadZipFile):
        return "damaged"
    return "locked with a password" if is_locked else "not locked"


def _refuse(root: str, files: CorpusFiles, merged: Counter, other_modules: int) -> None:
    zips = [finding for finding in files.findings if finding.kind == "zip"]
    if zips:
        reason = f"its zips are still packed: {', '.join(f'{zip_.subject} ({zip_.detail})' for zip_ in zips[:5])}"
    elif other_modules:
        raise ValueError(
            f"{root} holds {other_modules} files of other ICNALE modules (written essays, edited essays, dialogue) and "
            "none of the Spoken Monologue, whose names look like SM_JPN_PTJ1_001_B1_1.txt. Give the folder of the "
            "Spoken Monologue."
        )
    elif merged:
        reason = f"only merged or tagged ones ({', '.join(sorted(merged))}); unpack the unmerged texts, too"
    elif files.audio:
        reason = f"only {len(files.audio)} recordings; unpack the texts, too"
    else:
        unknown = [finding.subject for finding in files.findings if finding.kind == "unknown_name"]
        reason = f"{len(unknown)} with unknown names such as {unknown[0]}" if unknown else "the folder is empty of them"
    raise FileNotFoundError(f"{root} holds no unmerged texts of the Spoken Monologue: {reason}. {HOW_TO_OBTAIN}")


def _choose(trees: dict[str, list[CorpusFile]], wanted: str | None, findings: list[Finding]) -> str:
    """The fullest tree; an error where another one holds answers that it lacks."""
    keys = {tree: {file.key for file in files} for tree, files in trees.items()}
    if wanted is not None:
        wanted = Path(wanted).as_posix()
        if wanted not in trees:
            raise ValueError(f"text_tree={wanted!r} holds no texts. Choose from: {', '.join(sorted(trees))}.")
        return wanted
    chosen = min(trees, key=lambda tree: (-len(keys[tree]), "unclassified" not in tree.lower(), tree == ".", tree))
    names = {(file.key, file.label) for file in trees[chosen]}
    for tree in sorted(trees):
        lacking = sorted(keys[tree] - keys[chosen])
        if lacking:
            raise ValueError(
                f"Two unmerged trees hold different answers: {tree} has {len(lacking)} that {chosen} lacks, for "
                f"example {lacking[0].id}. Say which to read with text_tree={chosen!r} or text_tree={tree!r}."
            )
        for file in trees[tree]:
            if (file.key, file.label) not in names:
                findings.append(Finding("other_tree", file.path, f"{chosen} has another level"))
    return chosen
