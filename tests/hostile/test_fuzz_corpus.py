"""What lies in a corpus folder: file names, texts, background sheets."""

import json
import os

import pytest
from hypothesis import strategies as st

from blv_trainer.corpora.icnale import LABELS, normalize_id, read_corpus
from blv_trainer.corpora.icnale.names import REGIONS, parse_stem
from blv_trainer.corpora.icnale.text_cleaning import clean, decode, features

STEMS = ["SM_JPN_PTJ1_061_B1_1", "SM_ENS_SMK2_001_XX_1", "WE_CHN_PTJ0_001_B1_1", "SM_TWN_SMK1_007_A2_0_ORIG"]
STRICT = {"keep_breaks": False, "keep_masks": False, "keep_trailing": False, "keep_fillers": False}


# ---- Names and texts


def test_any_name_is_one_of_the_corpus_or_none(fuzz, mutations, words):
    names = st.one_of(words, mutations(*(stem.encode() for stem in STEMS)).map(os.fsdecode))

    def check(name):
        parsed = parse_stem(name)
        assert isinstance(normalize_id(name), str)
        if parsed is not None:
            key, label = parsed
            assert key.region in REGIONS
            assert label in LABELS
            assert key.number.isascii()
            assert name.upper().startswith(key.id)

    fuzz(check, names)


def test_any_bytes_are_a_clean_text(fuzz, mutations):
    text = "\ufeff\nUh I live in [***] \u2013 it\x92s um nice and..."

    def check(content):
        decoded, _ = decode(content)
        for options in ({}, STRICT):
            text = clean(decoded, **options)
            assert text == " ".join(text.split())
            text.encode()
        features(content, decoded)

    fuzz(check, st.one_of(st.binary(max_size=300), mutations(text.encode(), text.encode("utf-16"), b"caf\xe9 ")))


def test_long_runs_of_one_character_are_cleaned_at_once():
    for run in (" ", ".", "-", " -", "u", "uh", "h", "[*", "[***", "\n", "\u2026 "):
        assert len(clean(run * 100_000, **STRICT)) <= len(run) * 100_000


@pytest.mark.skipif(os.name == "nt", reason="names are Unicode there")
def test_a_folder_of_odd_names_is_reported_name_by_name(fuzz, mutations, tmp_path_factory):
    names = st.lists(mutations(*(f"{stem}.txt".encode() for stem in STEMS)), max_size=4)

    def check(names):
        folder = tmp_path_factory.mktemp("corpus")
        written = {name for name in names if name.strip(b".") and len(name) < 200 and not set(name) & {0, ord("/")}}
        for name in [b"SM_KOR_PTJ1_001_B1_1.txt", *written]:
            with open(os.path.join(os.fsencode(folder), name), "wb") as file:
                file.write(b"I like tea. " * 10)
        report = read_corpus(folder).report
        report.to_text().encode()
        json.dumps(report.to_dict(), ensure_ascii=False).encode()

    fuzz(check, names, slower=10)
