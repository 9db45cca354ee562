"""Irregularities beside the answers: files and links that are no answers, and gaps in the background sheet.

Each function plants one in a draft and says what to expect; it returns False where the draft has no place for it.
"""

import io
import zipfile

from blv_trainer.corpora.icnale.names import LABELS
from blv_trainer.corpora.synthetic.draft import Draft

_TEXT = b"\xef\xbb\xbfI agree."


def plant_copy(draft: Draft) -> bool:
    """A file that was downloaded or copied twice."""
    return _plant_file(draft, "copy", "SM_CHN_PTJ1_001_B1_1 (1).txt", "SM_CHN_SMK2_001_A2_0 - Copy.txt")


def plant_system_file(draft: Draft) -> bool:
    """What macOS and Windows leave beside files."""
    return _plant_file(draft, "system_file", "._SM_CHN_PTJ1_001_B1_1.txt", ".DS_Store", "Thumbs.db")


def plant_other_module(draft: Draft) -> bool:
    """A written essay or an edited one."""
    names = ("WE_CHN_PTJ0_001_B1_1.txt", "W_JPN_SMK0_002_A2_0.txt", "EE_KOR_PTJ0_003_B2_0_ORIG.txt")
    return _plant_file(draft, "other_module", *names)


def plant_unknown_name(draft: Draft) -> bool:
    """A name that is nearly right."""
    names = (
        "SM_CHN_PTJ3_001_B1_1.txt",
        "SM_JPN_SMK1_61_B1_1.txt",
        "SM_JPN_SMK1_061_XX_1.txt",
        "SM_KOR_PTJ1_001_C1.txt",
    )
    return _plant_file(draft, "unknown_name", *names)


def plant_other_file(draft: Draft) -> bool:
    """Documentation."""
    return _plant_file(draft, "other_file", "ICNALE_README.txt", "guide.pdf", "index.html")


def plant_zip(draft: Draft) -> bool:
    """An archive that was left packed."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr(zipfile.ZipInfo("readme.txt"), "")  # with a fixed date: the same bytes every time
    return _plant_file(draft, "zip", "ICNALE_SM_2.1.zip", "ICNALE_SM_Audio.zip", content=stream.getvalue())


def plant_unreadable(draft: Draft) -> bool:
    """A link that leads nowhere."""
    return _plant_link(draft, "unreadable", _beside_texts(draft, "lost.txt"), "nowhere.txt")


def plant_symlink_loop(draft: Draft) -> bool:
    """A link to the folder that holds it."""
    return _plant_link(draft, "symlink_loop", _beside_texts(draft, "loop"), ".")


def plant_linked_twice(draft: Draft) -> bool:
    """A link to the texts from outside."""
    return bool(draft.layout.texts) and _plant_link(draft, "linked_twice", "texts", draft.layout.texts)


def plant_background_missing(draft: Draft) -> bool:
    """A speaker whom the background sheet does not know."""
    keys = draft.take_learner() if draft.background else None
    if keys is None:
        return False
    del draft.background[keys[0].speaker]
    draft.plant("background_missing", keys[0].speaker)
    return True


def plant_background_level(draft: Draft) -> bool:
    """A speaker to whom the background sheet gives another level."""
    keys = draft.take_learner() if draft.background else None
    if keys is None:
        return False
    speaker = keys[0].speaker
    draft.background[speaker] = draft.choose([label for label in LABELS[:-1] if label != draft.background[speaker]])
    draft.plant("background_level", speaker)
    return True


def _plant_file(draft: Draft, kind: str, *names: str, content: bytes = _TEXT) -> bool:
    free = [path for name in names if (path := _beside_texts(draft, name)) not in draft.extra]
    if not free:
        return False
    path = draft.choose(free)
    draft.extra[path] = content
    draft.plant(kind, path)
    return True


def _plant_link(draft: Draft, kind: str, path: str, target: str) -> bool:
    if path in draft.links:
        return False
    draft.links[path] = target
    draft.plant(kind, path)
    return True


def _beside_texts(draft: Draft, name: str) -> str:
    return f"{draft.layout.texts}/{name}".lstrip("/")
