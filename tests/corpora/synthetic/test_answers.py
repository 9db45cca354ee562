"""Invented answers: the same on every machine, shaped like the corpus, learnable but not easy."""

import hashlib
from collections import Counter

import numpy as np
import pytest
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression

from blv_trainer.corpora.icnale.names import LABELS, REGIONS, TASKS
from blv_trainer.corpora.splits import split_by_group
from blv_trainer.corpora.synthetic import write_corpus
from blv_trainer.corpora.synthetic.answers import MEAN_WORDS, generate_answers


@pytest.fixture(scope="module")
def answers():
    return generate_answers(300, seed=0)


def digest(answers):
    return hashlib.sha256("\n".join(f"{a.id} {a.label} {a.text}" for a in answers).encode()).hexdigest()[:16]


def test_text_is_this_one_on_every_machine_and_under_every_hash_seed(tmp_path):
    assert digest(generate_answers(20, seed=3)) == "92a822be3da241ec"
    assert digest(write_corpus(tmp_path, 20, seed=3).answers) == "70b9da4813d7a017"


def test_each_speaker_gives_the_four_answers_at_one_level(answers):
    for speaker in {a.speaker for a in answers}:
        mine = [a for a in answers if a.speaker == speaker]
        assert [a.task for a in mine] == list(TASKS)
        assert len({a.label for a in mine}) == 1
    assert len({a.id for a in answers}) == len(answers) == 1200


def test_levels_have_the_published_proportions(answers):
    counts = Counter(a.label for a in answers)
    for label, published in zip(LABELS, (332, 880, 1868, 652, 600), strict=True):
        assert abs(counts[label] / 4 - 300 * published / 4332) < 1


def test_natives_and_only_natives_are_of_region_ens(answers):
    assert {a.region for a in answers if a.label == "native"} == {"ENS"}
    assert all(a.label == "native" for a in answers if a.region == "ENS")
    assert {a.region for a in answers} == set(REGIONS)


def test_answers_have_the_published_mean_length(answers):
    for label, mean in zip(LABELS, MEAN_WORDS, strict=True):
        lengths = [len(a.text.split()) for a in answers if a.label == label]
        assert np.mean(lengths) == pytest.approx(mean, abs=8)
        assert min(lengths) >= 25


def test_no_two_answers_are_alike_and_no_slot_is_left_open(answers):
    assert len({a.text for a in answers}) == len(answers)
    assert not any(mark in a.text for a in answers for mark in "{}[]|")


def test_levels_can_be_learned_but_overlap(answers):
    labels = np.array([LABELS.index(a.label) for a in answers])
    texts = np.array([a.text for a in answers])
    split = split_by_group(labels.tolist(), [a.speaker for a in answers], fractions=(0.7, 0.0, 0.3))
    train, test = split == "train", split == "test"
    vectorizer = TfidfVectorizer(min_df=2, sublinear_tf=True)
    model = LogisticRegression(max_iter=1000).fit(vectorizer.fit_transform(texts[train]), labels[train])
    predictions = model.predict(vectorizer.transform(texts[test]))
    majority = (labels[test] == 2).mean()
    assert majority + 0.08 < (predictions == labels[test]).mean() < 0.7
    assert (np.abs(predictions - labels[test]) <= 1).mean() > 0.9


@pytest.mark.parametrize("num_speakers", [4, 6001])
def test_impossible_number_of_speakers_gets_a_sentence(num_speakers):
    with pytest.raises(ValueError, match="choose from 5 to 6000"):
        generate_answers(num_speakers)
