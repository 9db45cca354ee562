import zipfile

import pytest

from blv_trainer.corpora.icnale.files import find_files

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


def test_texts_and_recordings_may_lie_in_one_folder(tmp_path):
    put(tmp_path, *NAMES)
    put(tmp_path, *NAMES, extension=".MP3")
    files = find_files(tmp_path)
    assert len(files.texts) == len(files.audio) == 3
    assert files.text_tree == "."


def test_a_tree_may_be_given_itself(tmp_path):
    put(tmp_path / "SM_0_Unclassified_Unmerged", *NAMES)
    assert stems(find_files(tmp_path / "SM_0_Unclassified_Unmerged").texts) == sorted(NAMES)


def test_a_merged_folder_given_itself_is_refused(tmp_path):
    put(tmp_path / "SM_3_Tagged", *NAMES)
    with pytest.raises(FileNotFoundError, match=r"no unmerged texts.*only merged or tagged ones \(\.\)"):
        find_files(tmp_path / "SM_3_Tagged")


def test_what_people_call_their_own_folder_says_nothing(tmp_path):
    put(tmp_path / "my merged and tagged corpus", *NAMES)
    assert len(find_files(tmp_path / "my merged and tagged corpus").texts) == 3


@pytest.mark.parametrize(
    ("folder", "is_read"),
    [
        ("merged and unmerged/SM_0_Unmerged", True),
        ("unmerged and merged/Merged/Plain Text", False),
        ("Tagged/Unmerged", False),
        ("Unmerged_classified/JPN_B1_1", True),
    ],
)
def test_innermost_name_decides_and_tagged_ones_are_never_read(tmp_path, folder, is_read):
    put(tmp_path / folder, *NAMES)
    if is_read:
        assert len(find_files(tmp_path).texts) == 3
    else:
        with pytest.raises(FileNotFoundError, match="only merged or tagged ones"):
            find_files(tmp_path)


def test_recordings_alone_do_where_no_texts_are_needed(tmp_path):
    put(tmp_path, *NAMES, extension=".mp3")
    files = find_files(tmp_path, needs_texts=False)
    assert (len(files.audio), files.texts, files.text_tree) == (3, [], "none")
    (tmp_path / "empty").mkdir()
    with pytest.raises(FileNotFoundError, match="the folder is empty of them"):
        find_files(tmp_path / "empty", needs_texts=False)


def test_recordings_may_lie_elsewhere(tmp_path):
    put(tmp_path / "texts", *NAMES)
    put(tmp_path / "audio", *NAMES, extension=".mp3")
    files = find_files(tmp_path / "texts", audio_dir=tmp_path / "audio")
    assert len(files.audio) == 3
    assert all((tmp_path / "audio" / file.path).samefile(file.full_path) for file in files.audio)


def test_audio_dir_inside_the_corpus_adds_nothing_twice(tmp_path):
    put(tmp_path, *NAMES)
    put(tmp_path / "audio", *NAMES, extension=".mp3")
    assert find_files(tmp_path, audio_dir=tmp_path / "audio") == find_files(tmp_path)


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


def test_unknown_text_tree_gets_a_sentence(tmp_path):
    put(tmp_path / "Unmerged", *NAMES)
    with pytest.raises(ValueError, match="text_tree='Merged' holds no texts. Choose from: Unmerged"):
        find_files(tmp_path, text_tree="Merged")


def test_every_file_left_out_is_named(tmp_path):
    put(tmp_path, *NAMES, "WE_JPN_PTJ0_001_B1_1", "SM_JPN_PTJ9_001_B1_1", "readme_first", "SM_JPN_PTJ1_001_B1_1 (1)")
    put(tmp_path, "SM_JPN_PTJ9_001_B1_1", extension=".mp3")
    put(tmp_path, "guide", extension=".pdf")
    put(tmp_path, "damaged", extension=".zip")
    assert kinds(find_files(tmp_path)) == [
        ("copy", "SM_JPN_PTJ1_001_B1_1 (1).txt"),
        ("other_file", "guide.pdf"),
        ("other_file", "readme_first.txt"),
        ("other_module", "WE_JPN_PTJ0_001_B1_1.txt"),
        ("unknown_name", "SM_JPN_PTJ9_001_B1_1.mp3"),
        ("unknown_name", "SM_JPN_PTJ9_001_B1_1.txt"),
        ("zip", "damaged.zip"),
    ]


def write_zip(path, *, is_locked):
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("SM_JPN_PTJ1_001_B1_1.txt", "x")
    if is_locked:  # bit 0 of the flags: in the central directory, eight bytes behind its signature
        content = bytearray(path.read_bytes())
        content[content.index(b"PK\x01\x02") + 8] |= 1
        path.write_bytes(content)


@pytest.mark.parametrize(("is_locked", "word"), [(True, "locked with a password"), (False, "not locked")])
def test_a_zip_still_packed_gets_a_sentence_about_the_password(tmp_path, is_locked, word):
    write_zip(tmp_path / "ICNALE_SM_2.1.zip", is_locked=is_locked)
    message = rf"its zips are still packed: ICNALE_SM_2.1.zip \({word}\).*password that comes with the registration"
    with pytest.raises(FileNotFoundError, match=message):
        find_files(tmp_path)
    with pytest.raises(FileNotFoundError, match=rf"is a zip that is still packed \({word}\)"):
        find_files(tmp_path / "ICNALE_SM_2.1.zip")


@pytest.mark.parametrize(
    ("names", "extension", "message"),
    [
        ((), ".txt", "holds no unmerged texts of the Spoken Monologue: the folder is empty of them"),
        (("notes", "more"), ".txt", "2 with unknown names such as more.txt"),
        (NAMES, ".mp3", "only 3 recordings; unpack the texts, too"),
    ],
)
def test_folder_without_texts_gets_a_sentence(tmp_path, names, extension, message):
    put(tmp_path, *names, extension=extension)
    with pytest.raises(FileNotFoundError, match=message):
        find_files(tmp_path)


def test_missing_folder_gets_a_sentence(tmp_path):
    with pytest.raises(
        FileNotFoundError, match="There is no folder .*none. ICNALE is free of charge after registration"
    ):
        find_files(tmp_path / "none")


def test_merged_texts_alone_get_a_sentence(tmp_path):
    put(tmp_path / "SM_2_Classified_Merged", "SM_JPN_B1_1")
    with pytest.raises(FileNotFoundError, match=r"only merged or tagged ones \(SM_2_Classified_Merged\)"):
        find_files(tmp_path)


def test_another_module_alone_gets_a_sentence(tmp_path):
    put(tmp_path, "WE_JPN_PTJ0_001_B1_1", "WE_JPN_PTJ0_002_B1_1")
    with pytest.raises(
        ValueError, match="holds 2 files of other ICNALE modules.*Give the folder of the Spoken Monologue"
    ):
        find_files(tmp_path)


def test_audio_dir_without_recordings_gets_a_sentence(tmp_path):
    put(tmp_path / "texts", *NAMES)
    (tmp_path / "audio").mkdir()
    with pytest.raises(FileNotFoundError, match="audio_dir=.* holds no recording"):
        find_files(tmp_path / "texts", audio_dir=tmp_path / "audio")
