import os

import pytest

from blv_trainer.corpora.icnale.corpus_files import find_files

NAMES = ("SM_JPN_PTJ1_001_B1_1", "SM_JPN_PTJ2_001_B1_1", "SM_KOR_SMK1_002_A2_0")


def put(folder, *names, extension=".txt"):
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        (folder / f"{name}{extension}").write_bytes(b"x")


def stems(files):
    return [file.path.rpartition("/")[2].partition(".")[0] for file in files]


def kinds(files):
    return [(finding.kind, finding.subject) for finding in files.findings]


def test_release_2_1_reads_the_unclassified_tree_and_names_the_others(tmp_path):
    put(tmp_path / "SM_0_Unclassified_Unmerged", *NAMES)
    put(tmp_path / "SM_1_Classified_Unmerged" / "SM_JPN_B1_1", *NAMES[:2])
    put(tmp_path / "SM_1_Classified_Unmerged" / "SM_KOR_A2_0", NAMES[2])
    put(tmp_path / "SM_2_Classified_Merged", "SM_JPN_B1_1", "SM_KOR_A2_0")
    put(tmp_path / "SM_3_Classified_Unmerged_Tagged", *NAMES, "SM_THA_SMK1_001_B1_1")
    put(tmp_path / "ICNALE_SM_Audio" / "ICNALE_SM_JPN_N600", *NAMES, extension=".mp3")
    files = find_files(tmp_path)
    assert stems(files.texts) == sorted(NAMES)
    assert stems(files.audio) == sorted(NAMES)
    assert files.text_tree == "SM_0_Unclassified_Unmerged"
    assert files.trees_not_read == {
        "SM_1_Classified_Unmerged": 3,
        "SM_2_Classified_Merged": 2,
        "SM_3_Classified_Unmerged_Tagged": 4,
    }
    assert files.findings == []


def test_release_2_0_reads_the_classified_tree(tmp_path):
    transcripts = tmp_path / "ICNALE_SM_2.0_T" / "ICNALE_Spoken_Monologue_2.0_Transcripts"
    put(transcripts / "Unmerged_classified" / "JPN", *NAMES)
    put(transcripts / "Merged" / "Plain Text", "JPN_B1_1")
    put(tmp_path / "ICNALE_SM_2.0_A", *NAMES, extension=".mp3")
    files = find_files(tmp_path)
    assert files.text_tree == "ICNALE_SM_2.0_T/ICNALE_Spoken_Monologue_2.0_Transcripts/Unmerged_classified"
    assert files.trees_not_read == {"ICNALE_SM_2.0_T/ICNALE_Spoken_Monologue_2.0_Transcripts/Merged": 1}
    assert len(files.texts) == len(files.audio) == 3


@pytest.mark.parametrize(
    ("folder", "given"),
    [
        ("", ""),
        ("SM_0_Unclassified_Unmerged", "SM_0_Unclassified_Unmerged"),
        ("my merged and tagged corpus", "my merged and tagged corpus"),  # what people call their own says nothing
        ("merged and unmerged/SM_0_Unmerged", ""),  # the innermost name decides
        ("Unmerged_classified/JPN_B1_1", ""),
        ("ICNALE (1)", ""),
    ],
)
def test_texts_are_read_in_whatever_folder_they_lie_unless_it_is_merged(tmp_path, folder, given):
    put(tmp_path / folder, *NAMES)
    assert stems(find_files(tmp_path / given).texts) == sorted(NAMES)


def test_recordings_may_lie_elsewhere_or_alone(tmp_path):
    put(tmp_path / "texts", *NAMES)
    put(tmp_path / "audio", *NAMES, extension=".MP3")
    files = find_files(tmp_path / "texts", audio_dir=tmp_path / "audio")
    assert len(files.audio) == 3
    assert all((tmp_path / "audio" / file.path).samefile(file.full_path) for file in files.audio)
    assert find_files(tmp_path, audio_dir=tmp_path / "audio") == find_files(tmp_path)  # nothing comes twice
    alone = find_files(tmp_path / "audio", needs_texts=False)
    assert (len(alone.audio), alone.texts, alone.text_tree) == (3, [], "none")
    (tmp_path / "empty").mkdir()
    with pytest.raises(FileNotFoundError, match="audio_dir=.* holds no recording"):
        find_files(tmp_path / "texts", audio_dir=tmp_path / "empty")


def test_of_two_trees_the_fuller_one_is_read(tmp_path):
    put(tmp_path / "SM_0_Unclassified_Unmerged", *NAMES[:2])
    put(tmp_path / "SM_1_Classified_Unmerged", *NAMES)
    files = find_files(tmp_path)
    assert files.text_tree == "SM_1_Classified_Unmerged"
    assert files.findings == []


def test_two_trees_that_each_hold_something_of_their_own_are_refused(tmp_path):
    put(tmp_path / "2.0" / "Unmerged_classified", *NAMES[:2])
    put(tmp_path / "2.1" / "SM_0_Unclassified_Unmerged", *NAMES[1:])
    message = (
        "Two unmerged trees hold different answers: 2.0/Unmerged_classified has 1 that "
        "2.1/SM_0_Unclassified_Unmerged lacks, for example SM_JPN_PTJ1_001. Say which to read with text_tree="
    )
    with pytest.raises(ValueError, match=message):
        find_files(tmp_path)
    files = find_files(tmp_path, text_tree="2.0/Unmerged_classified")
    assert stems(files.texts) == list(NAMES[:2])
    assert files.trees_not_read == {"2.1/SM_0_Unclassified_Unmerged": 2}


def test_another_level_in_the_tree_not_read_is_named(tmp_path):
    put(tmp_path / "SM_0_Unclassified_Unmerged", *NAMES)
    put(tmp_path / "SM_1_Classified_Unmerged", *NAMES[:2], "SM_KOR_SMK1_002_B2_0")
    assert kinds(find_files(tmp_path)) == [("other_tree", "SM_1_Classified_Unmerged/SM_KOR_SMK1_002_B2_0.txt")]


def test_every_file_left_out_is_named(tmp_path):
    put(tmp_path, *NAMES, "WE_JPN_PTJ0_001_B1_1", "SM_JPN_PTJ9_001_B1_1", "readme_first", "SM_JPN_PTJ1_001_B1_1 (1)")
    put(tmp_path, "SM_JPN_PTJ9_001_B1_1", extension=".mp3")
    put(tmp_path, "W_JPN_SMK0_002_A2_0", "EE_CHN_PTJ0_001_B1_1_ORIG", "x_EDIT")
    put(tmp_path, "guide", extension=".pdf")
    put(tmp_path, "damaged", extension=".zip")
    assert kinds(find_files(tmp_path)) == [
        ("copy", "SM_JPN_PTJ1_001_B1_1 (1).txt"),
        ("other_file", "guide.pdf"),
        ("other_file", "readme_first.txt"),
        ("other_module", "EE_CHN_PTJ0_001_B1_1_ORIG.txt"),
        ("other_module", "WE_JPN_PTJ0_001_B1_1.txt"),
        ("other_module", "W_JPN_SMK0_002_A2_0.txt"),
        ("other_module", "x_EDIT.txt"),
        ("unknown_name", "SM_JPN_PTJ9_001_B1_1.mp3"),
        ("unknown_name", "SM_JPN_PTJ9_001_B1_1.txt"),
        ("zip", "damaged.zip"),
    ]


def test_a_zip_still_packed_gets_a_sentence_about_the_password(tmp_path):
    (tmp_path / "ICNALE_SM_2.1.zip").touch()
    message = "its zips are still packed: ICNALE_SM_2.1.zip.*password that comes with the registration"
    with pytest.raises(FileNotFoundError, match=message):
        find_files(tmp_path)
    with pytest.raises(FileNotFoundError, match="is a zip that is still packed.*password that comes with the reg"):
        find_files(tmp_path / "ICNALE_SM_2.1.zip")


_EMPTY = "holds no unmerged texts of the Spoken Monologue: the folder is empty of them. ICNALE is free"


@pytest.mark.parametrize(
    ("path", "options", "message"),
    [
        ("", {}, _EMPTY),
        ("", {"needs_texts": False}, _EMPTY),
        ("none", {}, "There is no folder .*none. ICNALE is free of charge after registration"),
        ("notes.txt more.txt", {}, "2 with unknown names such as more.txt"),
        (f"{NAMES[0]}.mp3 {NAMES[1]}.mp3", {}, "only 2 recordings; unpack the texts, too"),
        ("SM_2_Classified_Merged/SM_JPN_B1_1.txt", {}, r"only merged or tagged ones \(SM_2_Classified_Merged\)"),
        (f"unmerged_and_merged/Merged/Plain/{NAMES[0]}.txt", {}, "only merged or tagged ones"),
        (f"Tagged/Unmerged/{NAMES[0]}.txt", {}, "only merged or tagged ones"),
        (
            "WE_JPN_PTJ0_001_B1_1.txt WE_JPN_PTJ0_002_B1_1.txt",
            {},
            "holds 2 files of other ICNALE modules.*Give the folder of the Spoken Monologue",
        ),
        (
            f"Unmerged/{NAMES[0]}.txt",
            {"text_tree": "Merged"},
            "text_tree='Merged' holds no texts. Choose from: Unmerged",
        ),
    ],
)
def test_a_folder_without_texts_to_read_gets_a_sentence(tmp_path, path, options, message):
    for name in path.split() if "." in path else ():
        put((tmp_path / name).parent, (tmp_path / name).stem, extension=name[-4:])
    with pytest.raises((FileNotFoundError, ValueError), match=message):
        find_files(tmp_path / ("none" if path == "none" else ""), **options)


# What the walk enters


@pytest.fixture
def texts(tmp_path):
    """A folder of one text, two folders deep."""
    put(tmp_path / "c" / "a" / "b", NAMES[0])
    return tmp_path / "c"


def paths(files):
    return [file.path for file in files.texts]


def test_what_systems_and_copying_leave_is_named(texts):
    system = ["._top.txt", ".DS_Store", "Thumbs.db", "top.txt:Zone.Identifier"]
    copies = ["top (1).txt", "top(2).txt", "top - Copy.txt", "Copy of top.txt"]
    for name in system + copies:
        (texts / name).write_text("")
    put(texts / "__MACOSX", NAMES[1])
    assert kinds(find_files(texts)) == sorted(
        [("system_file", name) for name in ["__MACOSX", *system]] + [("copy", name) for name in copies]
    )


@pytest.mark.parametrize("target", [".", "..", "../.."])
def test_the_walk_ends_where_a_link_leads_above_it(texts, target):
    (texts / "a" / "b" / "loop").symlink_to(target)
    files = find_files(texts)
    assert (paths(files), files.findings) == ([f"a/b/{NAMES[0]}.txt"], [])


def test_link_to_another_folder_is_followed_once(texts, tmp_path):
    put(tmp_path / "elsewhere", NAMES[1])
    (texts / "link").symlink_to(tmp_path / "elsewhere")
    (texts / "second").symlink_to(tmp_path / "elsewhere")
    (texts / "z").symlink_to("a")
    assert paths(find_files(texts)) == [f"a/b/{NAMES[0]}.txt", f"link/{NAMES[1]}.txt"]


@pytest.mark.parametrize("target", ["nowhere", "self"])
def test_links_that_lead_nowhere_are_named(texts, target):
    (texts / "self").symlink_to(target)
    assert kinds(find_files(texts)) == [("unreadable", "self")]


def test_folder_that_cannot_be_listed_is_named(texts, monkeypatch):
    real = os.scandir
    put(texts / "locked", NAMES[1])

    def scandir(path):
        if str(path).endswith("locked"):
            raise PermissionError(13, "Permission denied", path)
        return real(path)

    monkeypatch.setattr(os, "scandir", scandir)
    files = find_files(texts)
    assert (len(files.texts), kinds(files)) == (1, [("unreadable", "locked")])


def test_linked_file_is_read_inside_the_folder_and_only_named_outside(texts, tmp_path):
    put(tmp_path / "elsewhere", *NAMES[1:])
    (texts / f"{NAMES[1]}.txt").symlink_to(tmp_path / "elsewhere" / f"{NAMES[1]}.txt")
    (texts / f"{NAMES[2]}.txt").symlink_to(f"a/b/{NAMES[0]}.txt")
    files = find_files(texts)
    assert stems(files.texts) == [NAMES[0], NAMES[2]]
    assert kinds(files) == [("unreadable", f"{NAMES[1]}.txt")]


def test_name_that_would_drive_a_terminal_is_escaped(texts):
    (texts / "top\x1b[2J.txt").write_text("")
    assert kinds(find_files(texts)) == [("unknown_name", "top\\x1b[2J.txt")]
