import pytest
import soundfile

from blv_trainer.corpora.icnale.background import read_background
from blv_trainer.corpora.icnale.names import parse_stem
from blv_trainer.corpora.synthetic import BACKGROUND_FILE, write_corpus
from blv_trainer.corpora.synthetic.text import generate_answers


def names(folder):
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def test_release_2_1_has_its_folders_and_every_text_begins_with_a_bom(tmp_path):
    write_corpus(tmp_path, 20, audio="names")
    folders = {path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*") if path.is_dir()}
    assert {
        "ICNALE_SM_2.1/SM_0_Unclassified_Unmerged",
        "ICNALE_SM_2.1/SM_1_Classified_Unmerged/SM_ENS_XX_1",
        "ICNALE_SM_2.1/SM_2_Classified_Merged",
        "ICNALE_SM_Audio/ICNALE_SM_ENS_N12",
    } <= folders
    texts = list(tmp_path.rglob("SM_0*/*.txt"))
    assert len(texts) == 80
    assert all(path.read_bytes().startswith(b"\xef\xbb\xbf") for path in texts)
    assert all(parse_stem(path.stem) for path in texts)


def test_release_2_0_has_its_folders(tmp_path):
    write_corpus(tmp_path, 5, layout="2.0", audio="names")
    transcripts = "ICNALE_SM_2.0_T/ICNALE_Spoken_Monologue_2.0_Transcripts"
    tops = {name.rpartition("/SM_")[0] for name in names(tmp_path)}
    assert f"{transcripts}/Merged/Plain Text" in tops
    assert any(top.startswith(f"{transcripts}/Unmerged_classified/SM_") for top in tops)
    assert any(top.startswith("ICNALE_SM_2.0_A/") for top in tops)


def test_same_seed_writes_the_same_bytes_and_another_does_not(tmp_path):
    options = {"audio": "names", "background": True, "irregularities": True}
    contents = []
    for number, seed in enumerate((1, 1, 2)):
        folder = tmp_path / str(number)
        write_corpus(folder, 30, seed=seed, **options)
        contents.append({name: (folder / name).read_bytes() for name in names(folder)})
    assert contents[0] == contents[1] != contents[2]


def test_answers_are_those_of_the_generator(tmp_path):
    written = write_corpus(tmp_path, 10, seed=4, layout="flat")
    generated = generate_answers(10, seed=4)
    assert [(a.id, a.label) for a in written.answers] == [(a.id, a.label) for a in generated]


@pytest.mark.parametrize("audio", ["wav", "mp3"])
def test_recordings_can_be_read_and_last_as_long_as_asked(tmp_path, audio):
    write_corpus(tmp_path, 5, layout="flat", audio=audio, duration_s=0.5)
    paths = list(tmp_path.glob(f"*.{audio}"))
    assert len(paths) == 20
    signal, sample_rate = soundfile.read(paths[0])
    assert sample_rate == 16_000
    assert len(signal) / sample_rate == pytest.approx(0.5, abs=0.1)  # mp3 comes in whole frames
    assert 0.1 < abs(signal).max() <= 1


def test_background_sheet_knows_every_speaker(tmp_path):
    written = write_corpus(tmp_path, 10, background=True)
    assert set(read_background(tmp_path / BACKGROUND_FILE)) == {answer.speaker for answer in written.answers}


def test_folder_in_use_is_left_alone(tmp_path):
    (tmp_path / "mine.txt").write_text("")
    with pytest.raises(FileExistsError, match="is not empty. Give a new folder"):
        write_corpus(tmp_path, 5)
    assert names(tmp_path) == ["mine.txt"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"layout": "3.0"}, "layout='3.0' is unknown. Choose from: 2.1, 2.0, flat"),
        ({"audio": "ogg"}, "audio='ogg' is unknown. Choose from: None, mp3, wav, names"),
        ({"irregularities": ["typo"]}, r"irregularities=\['typo'\] are unknown. Choose from: level_conflict"),
    ],
)
def test_bad_options_get_a_sentence(tmp_path, options, message):
    with pytest.raises(ValueError, match=message):
        write_corpus(tmp_path, 5, **options)
