"""Invented answers: the same on every machine, shaped like the corpus, learnable but not easy."""

import hashlib
from collections import Counter

import numpy as np
import pytest
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression

from blv_trainer.corpora.icnale.names import LABELS, REGIONS, TASKS
from blv_trainer.corpora.splits import split_by_group
from blv_trainer.corpora.synthetic.text import MEAN_WORDS, generate_answers, share_out


@pytest.fixture(scope="module")
def answers():
    return generate_answers(300, seed=0)


def digest(answers):
    return hashlib.sha256("\n".join(f"{a.id} {a.label} {a.text}" for a in answers).encode()).hexdigest()[:16]


def test_text_is_this_one_on_every_machine():
    assert digest(generate_answers(20, seed=3)) == "92a822be3da241ec"


def test_text_does_not_depend_on_the_hash_seed(prints_under_hash_seeds):
    code = "from blv_trainer.corpora.synthetic.text import generate_answers as g; print(g(8, seed=1))"
    assert len(prints_under_hash_seeds(code)) == 1


def test_another_seed_is_another_corpus():
    assert digest(generate_answers(8, seed=1)) != digest(generate_answers(8, seed=2))


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


def test_errors_fall_as_proficiency_rises():
    learners = generate_answers(200, seed=5)

    def article_rate(label):
        words = " ".join(a.text.lower() for a in learners if a.label == label).split()
        return sum(word in {"a", "an", "the"} for word in words) / len(words)

    assert article_rate("A2") < article_rate("B1_2") < article_rate("native")


@pytest.mark.parametrize("num_speakers", [4, 6001])
def test_impossible_number_of_speakers_gets_a_sentence(num_speakers):
    with pytest.raises(ValueError, match="choose from 5 to 6000"):
        generate_answers(num_speakers)


@pytest.mark.parametrize("total", [5, 6, 7, 11, 99, 1083])
def test_shares_sum_to_the_total_and_none_is_empty(total):
    shares = share_out(total, (332, 880, 1868, 652, 600))
    assert sum(shares) == total
    assert min(shares) >= 1


def test_shares_of_the_published_total_are_the_published_counts():
    assert share_out(4332, (332, 880, 1868, 652, 600)) == [332, 880, 1868, 652, 600]
