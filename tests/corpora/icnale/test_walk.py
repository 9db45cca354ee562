import os

import pytest

from blv_trainer.corpora.icnale.walk import walk


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "a" / "b" / "deep.txt").write_text("12345")
    (tmp_path / "top.txt").write_text("1")
    return tmp_path


def walked(folder):
    findings = []
    files = sorted(file.path for file in walk(folder, findings))
    return files, sorted((finding.kind, finding.subject) for finding in findings)


def test_files_at_any_depth_come_with_size_and_times(folder):
    findings = []
    files = {file.path: file for file in walk(folder, findings)}
    assert sorted(files) == ["a/b/deep.txt", "top.txt"]
    assert files["a/b/deep.txt"].size == 5
    assert files["a/b/deep.txt"].times_ns[0] == os.stat(folder / "a/b/deep.txt").st_mtime_ns
    assert findings == []


def test_a_change_that_keeps_size_and_modification_time_shows(folder):
    before = list(walk(folder, []))
    status = os.stat(folder / "top.txt")
    (folder / "top.txt").write_text("2")
    os.utime(folder / "top.txt", ns=(status.st_atime_ns, status.st_mtime_ns))
    assert list(walk(folder, [])) != before


def test_what_systems_and_copying_leave_is_named(folder):
    names = ["._top.txt", ".DS_Store", "Thumbs.db", "top (1).txt", "top(2).txt", "top - Copy.txt", "Copy of top.txt"]
    for name in names:
        (folder / name).write_text("")
    (folder / "__MACOSX").mkdir()
    (folder / "__MACOSX" / "inside.txt").write_text("")
    files, findings = walked(folder)
    assert files == ["a/b/deep.txt", "top.txt"]
    assert findings == sorted(
        [("system_file", name) for name in ("__MACOSX", "._top.txt", ".DS_Store", "Thumbs.db")]
        + [("copy", name) for name in names if "opy" in name or "(" in name]
    )


@pytest.mark.skipif(os.name == "nt", reason="a colon is no part of names there")
def test_zone_identifiers_are_named(folder):
    (folder / "top.txt:Zone.Identifier").write_text("")
    assert walked(folder)[1] == [("system_file", "top.txt:Zone.Identifier")]


def test_a_folder_with_a_copy_number_is_entered(folder):
    (folder / "ICNALE (1)").mkdir()
    (folder / "ICNALE (1)" / "x.txt").write_text("")
    assert "ICNALE (1)/x.txt" in walked(folder)[0]


@pytest.mark.parametrize("target", [".", "..", "../.."])
def test_link_to_a_folder_above_is_named_and_the_walk_ends(folder, target):
    (folder / "a" / "b" / "loop").symlink_to(target)
    files, findings = walked(folder)
    assert files == ["a/b/deep.txt", "top.txt"]
    assert findings == [("symlink_loop", "a/b/loop")]


def test_link_to_another_folder_is_followed_once(folder, tmp_path_factory):
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    (elsewhere / "far.txt").write_text("")
    (folder / "link").symlink_to(elsewhere)
    (folder / "second").symlink_to(elsewhere)
    files, findings = walked(folder)
    assert files == ["a/b/deep.txt", "link/far.txt", "top.txt"]
    assert findings == [("linked_twice", "second")]


def test_real_folder_keeps_its_path_where_a_link_to_it_sorts_first(folder):
    (folder / "Link").symlink_to("a")
    files, findings = walked(folder)
    assert "a/b/deep.txt" in files
    assert findings == [("linked_twice", "Link")]


def test_two_folders_linking_to_each_other_end(tmp_path):
    for name, other in (("x", "y"), ("y", "x")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "to").symlink_to(f"../{other}")
    assert walked(tmp_path)[1] == [("linked_twice", "x/to"), ("linked_twice", "y/to")]


@pytest.mark.parametrize("target", ["nowhere", "self"])
def test_broken_and_circular_file_links_are_named(folder, target):
    (folder / "self").symlink_to(target)
    assert walked(folder)[1] == [("unreadable", "self")]


def test_folder_that_cannot_be_listed_is_named(folder, monkeypatch):
    real = os.scandir

    def scandir(path):
        if str(path).endswith("b"):
            raise PermissionError(13, "Permission denied")
        return real(path)

    monkeypatch.setattr(os, "scandir", scandir)
    files, findings = walked(folder)
    assert files == ["top.txt"]
    assert findings == [("unreadable", "a/b")]


def test_linked_file_outside_the_folder_is_named_and_not_read(folder, tmp_path_factory):
    secret = tmp_path_factory.mktemp("elsewhere") / "secret"
    secret.write_text("password")
    (folder / "a" / "SM_JPN_PTJ1_001_B1_1.txt").symlink_to(secret)
    files, findings = walked(folder)
    assert files == ["a/b/deep.txt", "top.txt"]
    assert findings == [("unreadable", "a/SM_JPN_PTJ1_001_B1_1.txt")]


def test_linked_file_inside_the_folder_is_read(folder, tmp_path_factory):
    (folder / "again.txt").symlink_to("a/b/deep.txt")
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    (elsewhere / "far.txt").write_text("")
    (elsewhere / "near.txt").symlink_to("far.txt")
    (folder / "linked").symlink_to(elsewhere)
    assert walked(folder) == (["a/b/deep.txt", "again.txt", "linked/far.txt", "linked/near.txt", "top.txt"], [])


@pytest.mark.skipif(os.name == "nt", reason="names are Unicode there")
def test_name_that_is_no_utf_8_is_named_in_letters_that_can_be_printed(folder):
    with open(os.path.join(os.fsencode(folder), b"\x93\xfa.txt"), "w") as file:
        file.write("")
    assert walked(folder)[1] == [("unreadable", "\\udc93\\udcfa.txt")]


def test_name_that_would_drive_a_terminal_is_escaped(folder):
    (folder / "top (1)\x1b[2J\n.txt").symlink_to("nowhere")
    assert walked(folder)[1] == [("unreadable", "top (1)\\x1b[2J\\n.txt")]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes there")
def test_a_pipe_is_named_and_not_waited_for(folder):
    os.mkfifo(folder / "pipe.txt")
    assert walked(folder)[1] == [("unreadable", "pipe.txt")]
