import pytest

from blv_trainer.corpora.icnale import read_corpus
from blv_trainer.corpora.icnale.names import parse_stem
from blv_trainer.corpora.synthetic import write_corpus


def names(folder):
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def test_release_2_1_has_its_folders_and_every_text_begins_with_a_bom(tmp_path):
    write_corpus(tmp_path, 20, has_audio=True)
    folders = {path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*") if path.is_dir()}
    assert {
        "ICNALE_SM_2.1/SM_0_Unclassified_Unmerged",
        "ICNALE_SM_2.1/SM_1_Classified_Unmerged/SM_ENS_XX_1",
        "ICNALE_SM_2.1/SM_2_Classified_Merged",
        "ICNALE_SM_Audio/ICNALE_SM_ENS_N12",
    } <= folders
    texts = list(tmp_path.rglob("SM_0*/*.txt"))
    assert len(texts) == 80
    assert all(path.read_bytes().startswith(b"\xef\xbb\xbf") and parse_stem(path.stem) for path in texts)


def test_same_seed_writes_the_same_bytes_and_another_does_not(tmp_path):
    contents = []
    for number, seed in enumerate((1, 1, 2)):
        folder = write_corpus(tmp_path / str(number), 30, seed=seed, has_audio=True).folder
        contents.append({name: (folder / name).read_bytes() for name in names(folder)})
    assert contents[0] == contents[1] != contents[2]


def test_answers_are_what_the_reader_reads(tmp_path):
    answers = write_corpus(tmp_path, 40, seed=4).answers
    assert answers == read_corpus(tmp_path).answers
    assert any("[***]" in answer.text for answer in answers)
    assert any("\x92" in answer.raw_text and "\u2019" in answer.text for answer in answers)


def test_folder_in_use_is_left_alone(tmp_path):
    (tmp_path / "mine.txt").write_text("")
    with pytest.raises(FileExistsError, match="is not empty. Give a new folder"):
        write_corpus(tmp_path, 5)
    assert names(tmp_path) == ["mine.txt"]
