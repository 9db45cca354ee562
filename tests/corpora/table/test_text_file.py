import pytest

from blv_trainer.corpora.table import text_file
from blv_trainer.corpora.table.text_file import open_text

TEXT = "First line, naïve.\nZweite Zeile: größer\r\n第三行\n"


def read(path, encoding):
    with open_text(path, encoding, newline="") as file:
        return file.read()


@pytest.fixture(params=[1, 2, 3, 7, 1 << 20])
def block_bytes(request, monkeypatch):
    """Blocks that cut characters and byte order marks anywhere."""
    monkeypatch.setattr(text_file, "_BLOCK_BYTES", request.param)


@pytest.mark.usefixtures("block_bytes")
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-32", "gb18030"])
def test_text_is_read_as_it_stands(tmp_path, encoding):
    (tmp_path / "x").write_bytes(TEXT.encode(encoding))
    assert read(tmp_path / "x", encoding) == TEXT


def test_a_byte_order_mark_is_no_part_of_the_text(tmp_path):
    (tmp_path / "x").write_bytes(TEXT.encode("utf-8-sig"))
    assert read(tmp_path / "x", "utf-8") == TEXT


@pytest.mark.usefixtures("block_bytes")
def test_a_bad_byte_is_found_with_its_line_before_anything_is_read(tmp_path):
    (tmp_path / "x").write_bytes(b"\xef\xbb\xbfone\ntwo\ncaf\xe9 au lait\nfour\n")
    with pytest.raises(ValueError, match=r"line 3: byte 14 \(0xe9\) is not utf-8-sig"):
        read(tmp_path / "x", "utf-8-sig")


@pytest.mark.usefixtures("block_bytes")
def test_a_nul_character_is_found_with_its_line(tmp_path):
    (tmp_path / "x").write_bytes(b"one\ntwo\0\nthree")
    with pytest.raises(ValueError, match="line 2: a NUL character"):
        read(tmp_path / "x", "utf-8")


@pytest.mark.usefixtures("block_bytes")
def test_a_file_cut_within_a_character_is_an_error(tmp_path):
    (tmp_path / "x").write_bytes("one\ngrö".encode()[:-1])
    with pytest.raises(ValueError, match="line 2: byte 6"):
        read(tmp_path / "x", "utf-8")


@pytest.mark.parametrize("encoding", ["utf-9", "base64", "a\0b"])
def test_an_unknown_encoding_is_named(tmp_path, encoding):
    (tmp_path / "x").write_text("one")
    with pytest.raises(ValueError, match="is unknown. Try 'utf-8', 'utf-16', 'cp1252'"):
        read(tmp_path / "x", encoding)
