"""The files of a corpus folder, sorted into texts and recordings, and the choice of one tree of texts."""

import os
import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from blv_trainer.corpora.icnale.names import AnswerKey, parse_stem
from blv_trainer.corpora.icnale.quality_report import Finding

AUDIO_EXTENSIONS = (".mp3", ".wav", ".flac", ".ogg", ".m4a")
_HOW_TO_OBTAIN = (
    "ICNALE is free of charge after registration (https://language.sakura.ne.jp/icnale/): unpack its zips with the "
    "password that comes with the registration and give the folder."
)

_RELEASE_TREE = re.compile(r"SM_\d_.*|merged|tagged", re.IGNORECASE)
_SYSTEM_FILE = re.compile(r"__macosx|\.ds_store|thumbs\.db|desktop\.ini|\._.*|.*:zone\.identifier.*", re.IGNORECASE)
# Written essays, edited essays, spoken dialogue.
_OTHER_MODULE = re.compile(r"(?!SM_)[A-Z]{1,4}_[A-Z]{3}_[A-Z0-9]+_\d{3}_\w+|\w+_(ORIG|EDIT)", re.IGNORECASE)
_COPY = re.compile(r".*\(\d+\)|.* - copy|copy of .*", re.IGNORECASE)


@dataclass(frozen=True, order=True)
class CorpusFile:
    """A file with the name of an answer."""

    key: AnswerKey
    label: str  # in the name
    path: str  # relative to the folder that was walked, with forward slashes
    full_path: str  # that can be opened


@dataclass(frozen=True)
class CorpusFiles:
    """The files of a corpus, before any is opened."""

    texts: list[CorpusFile]  # of the tree that was chosen, sorted
    audio: list[CorpusFile]  # all recordings, sorted
    text_tree: str  # path of that tree in the corpus folder; "." for texts that lie in no tree, "none" without texts
    trees_not_read: dict[str, int]  # number of text files in each other tree
    findings: list[Finding]  # sorted


def find_files(
    data_dir: str | os.PathLike,
    *,
    audio_dir: str | os.PathLike | None = None,
    text_tree: str | None = None,
    needs_texts: bool = True,
) -> CorpusFiles:
    """Sorts the files of a corpus folder of release 2.0 or 2.1, whichever way its zips were unpacked."""
    trees: dict[str, list[CorpusFile]] = defaultdict(list)
    merged: Counter[str] = Counter()
    audio, findings = list[CorpusFile](), list[Finding]()
    home = _existing_folder(data_dir)
    elsewhere = home if audio_dir is None else _existing_folder(audio_dir)
    roots = [home] if Path(elsewhere).is_relative_to(home) else [home, elsewhere]
    for root in roots:
        for path in _walk(root, findings):
            stem, extension = os.path.splitext(os.path.basename(path))
            parsed, extension = parse_stem(stem), extension.lower()
            if extension == ".txt" and root != home:
                continue  # recordings alone are looked for there
            tree, is_read = _tree(root, path)
            if extension == ".txt" and not is_read:
                merged[tree] += 1
            elif parsed and extension in (".txt", *AUDIO_EXTENSIONS):
                file = CorpusFile(*parsed, path, os.path.join(root, path))
                (trees[tree] if extension == ".txt" else audio).append(file)
            else:
                findings.append(_left_out(path, stem, extension))
    if roots != [home] and not any(Path(file.full_path).is_relative_to(elsewhere) for file in audio):
        raise FileNotFoundError(f"audio_dir={elsewhere!r} holds no recording of the Spoken Monologue. {_HOW_TO_OBTAIN}")
    if not trees and (needs_texts or not audio):
        _refuse(home, findings, merged, len(audio))
    chosen = _choose(trees, text_tree, findings) if trees else "none"
    texts = trees.pop(chosen, [])
    not_read = {tree: len(files) for tree, files in sorted(trees.items())} | dict(sorted(merged.items()))
    return CorpusFiles(sorted(texts), sorted(audio), chosen, not_read, sorted(findings))


def _walk(root: str, findings: list[Finding]) -> Iterator[str]:
    """Path of each file relative to ``root``; system files, copies and what cannot be read become ``findings``."""
    top, seen = os.path.realpath(root), set[str]()  # real paths: the walk ends where folders link to each other

    def unreadable(error: OSError) -> None:
        findings.append(Finding("unreadable", Path(error.filename).relative_to(root).as_posix(), str(error.strerror)))

    for folder, folders, names in os.walk(root, followlinks=True, onerror=unreadable):
        home, below = os.path.realpath(folder), Path(folder).relative_to(root)
        if home in seen:
            folders.clear()
            continue
        seen.add(home)
        for name in sorted(folders + names):
            path = (below / name).as_posix()
            if _SYSTEM_FILE.fullmatch(name):
                findings.append(Finding("system_file", path))
            elif name in folders:
                continue
            elif _COPY.fullmatch(os.path.splitext(name)[0]):
                findings.append(Finding("copy", path))
            elif why := _bad_link(os.path.join(folder, name), top, home):
                findings.append(Finding("unreadable", path, why))
            else:
                yield path
        folders[:] = sorted(name for name in folders if not _SYSTEM_FILE.fullmatch(name))


def _bad_link(path: str, *homes: str) -> str | None:
    """Why a linked file is not read: it leads nowhere, or out of the folder walked and the linked folder it is in."""
    # A folder from elsewhere could bring any file of this computer into the dataset under the name of an answer.
    if not os.path.islink(path):
        return None
    if not os.path.exists(path):
        return "link that leads nowhere"
    target = os.path.realpath(path)
    is_inside = any(Path(target).is_relative_to(home) for home in homes)
    return None if is_inside else f"link to {target}, outside the folder"


def _existing_folder(path: str | os.PathLike) -> str:
    path = os.path.abspath(os.path.expanduser(path))
    if os.path.isfile(path) and path.lower().endswith(".zip"):
        raise FileNotFoundError(f"{path} is a zip that is still packed. {_HOW_TO_OBTAIN}")
    if not os.path.isdir(path):
        raise FileNotFoundError(f"There is no folder {path}. {_HOW_TO_OBTAIN}")
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


def _left_out(path: str, stem: str, extension: str) -> Finding:
    if extension == ".zip":
        return Finding("zip", path)
    if extension not in (".txt", *AUDIO_EXTENSIONS) or "readme" in stem.lower():
        return Finding("other_file", path)
    return Finding("other_module" if _OTHER_MODULE.fullmatch(stem) else "unknown_name", path)


def _refuse(root: str, findings: list[Finding], merged: Counter[str], num_audio: int) -> None:
    zips, others, unknown = (
        [finding.subject for finding in sorted(findings) if finding.kind == kind]
        for kind in ("zip", "other_module", "unknown_name")
    )
    if zips:
        reason = f"its zips are still packed: {', '.join(zips[:5])}"
    elif others:
        raise ValueError(
            f"{root} holds {len(others)} files of other ICNALE modules (written essays, edited essays, dialogue) and "
            "none of the Spoken Monologue, whose names look like SM_JPN_PTJ1_001_B1_1.txt. Give the folder of the "
            "Spoken Monologue."
        )
    elif merged:
        reason = f"only merged or tagged ones ({', '.join(sorted(merged))}); unpack the unmerged texts, too"
    elif num_audio:
        reason = f"only {num_audio} recordings; unpack the texts, too"
    else:
        reason = f"{len(unknown)} with unknown names such as {unknown[0]}" if unknown else "the folder is empty of them"
    raise FileNotFoundError(f"{root} holds no unmerged texts of the Spoken Monologue: {reason}. {_HOW_TO_OBTAIN}")


def _choose(trees: dict[str, list[CorpusFile]], wanted: str | None, findings: list[Finding]) -> str:
    """The tree wanted, or the fullest, on a tie an unclassified one; an error where another holds answers it lacks."""
    keys = {tree: {file.key for file in files} for tree, files in trees.items()}
    if wanted is not None:
        wanted = Path(wanted).as_posix()
        if wanted not in trees:
            raise ValueError(f"text_tree={wanted!r} holds no texts. Choose from: {', '.join(sorted(trees))}.")
        return wanted
    chosen = min(trees, key=lambda tree: (-len(keys[tree]), "unclassified" not in tree.lower(), tree == ".", tree))
    names = {(file.key, file.label) for file in trees[chosen]}
    for tree in sorted(trees):
        if lacking := sorted(keys[tree] - keys[chosen]):
            raise ValueError(
                f"Two unmerged trees hold different answers: {tree} has {len(lacking)} that {chosen} lacks, for "
                f"example {lacking[0].id}. Say which to read with text_tree={chosen!r} or text_tree={tree!r}."
            )
        for file in trees[tree]:
            if (file.key, file.label) not in names:
                findings.append(Finding("other_tree", file.path, f"{chosen} has another level"))
    return chosen
