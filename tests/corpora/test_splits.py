"""No speaker in two splits, ever; proportions as promised; the same everywhere."""

import hashlib
from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from blv_trainer.corpora.splits import (
    SPLIT_NAMES,
    k_folds,
    rare_labels_note,
    split_by_group,
    split_by_sample,
)


@st.composite
def corpora(draw):
    """Rows (label, speaker, region) of speakers with one to five answers each."""
    speakers = draw(
        st.lists(st.tuples(st.integers(0, 4), st.sampled_from("CJKT"), st.integers(1, 5)), min_size=1, max_size=120)
    )
    rows = [
        (label, f"{region}_{i:03}", region) for i, (label, region, count) in enumerate(speakers) for _ in range(count)
    ]
    draw(st.randoms(use_true_random=False)).shuffle(rows)
    return rows


def columns(rows):
    return tuple(list(column) for column in zip(*rows, strict=True))


fractions = st.sampled_from([(0.9, 0.05, 0.05), (0.8, 0.1, 0.1), (0.6, 0.2, 0.2), (0.5, 0.5, 0.0), (1.0, 0.0, 0.0)])


@given(corpora(), fractions, st.integers(0, 10**6), st.booleans())
def test_no_speaker_stands_in_two_splits(rows, shares, seed, stratified):
    labels, speakers, regions = columns(rows)
    split = split_by_group(labels, speakers, fractions=shares, strata=regions if stratified else None, seed=seed)
    assert set(split) <= set(SPLIT_NAMES)
    assert len({(speaker, name) for speaker, name in zip(speakers, split, strict=True)}) == len(set(speakers))


@given(corpora(), fractions, st.integers(0, 10**6))
def test_each_class_is_within_two_speakers_of_its_share_and_in_every_split_when_it_has_three(rows, shares, seed):
    labels, speakers, regions = columns(rows)
    split = split_by_group(labels, speakers, fractions=shares, strata=regions, seed=seed)
    per_speaker = {speaker: (label, name) for label, speaker, name in zip(labels, speakers, split, strict=True)}
    totals, cells = Counter(label for label, _ in per_speaker.values()), Counter(per_speaker.values())
    for label, total in totals.items():
        for name, share in zip(SPLIT_NAMES, shares, strict=True):
            assert abs(cells[label, name] - share * total) < 2
            if share == 0:
                assert cells[label, name] == 0
            elif total >= 3:
                assert cells[label, name] >= 1
            if min(share * total for share in shares if share) >= 1:
                assert abs(cells[label, name] - share * total) < 1


@given(corpora(), fractions, st.integers(0, 10**6))
def test_a_region_is_within_two_speakers_of_its_share_of_each_class(rows, shares, seed):
    labels, speakers, regions = columns(rows)
    split = split_by_group(labels, speakers, fractions=shares, strata=regions, seed=seed)
    speaker_rows = set(zip(labels, regions, speakers, split, strict=True))
    in_class = Counter((label, name) for label, _, _, name in speaker_rows)
    class_size, region_size = Counter(r[0] for r in speaker_rows), Counter(r[:2] for r in speaker_rows)
    cells = Counter((label, region, name) for label, region, _, name in speaker_rows)
    for (label, region), size in region_size.items():
        for name in SPLIT_NAMES:
            assert abs(cells[label, region, name] - size * in_class[label, name] / class_size[label]) < 2


@given(corpora(), st.integers(0, 10**6), st.randoms(use_true_random=False))
def test_row_order_does_not_matter(rows, seed, shuffler):
    shuffled = list(rows)
    shuffler.shuffle(shuffled)
    first, second = (
        dict(zip(columns(r)[1], split_by_group(*columns(r)[:2], strata=columns(r)[2], seed=seed), strict=True))
        for r in (rows, shuffled)
    )
    assert first == second


@given(corpora(), st.integers(2, 7), st.integers(0, 10**6))
def test_folds_are_disjoint_in_speakers_and_even_in_each_class(rows, num_folds, seed):
    labels, speakers, regions = columns(rows)
    if len(set(speakers)) < num_folds:
        return
    folds = k_folds(labels, speakers, num_folds=num_folds, strata=regions, seed=seed)
    fold_of = dict(zip(speakers, folds.tolist(), strict=True))
    assert all(fold_of[speaker] == fold for speaker, fold in zip(speakers, folds, strict=True))
    assert set(fold_of.values()) <= set(range(num_folds))
    label_of = dict(zip(speakers, labels, strict=True))
    for label in set(labels):
        sizes = [sum(fold_of[s] == fold for s in fold_of if label_of[s] == label) for fold in range(num_folds)]
        assert max(sizes) - min(sizes) <= 1


def published_corpus():
    labels = [label for label, count in enumerate((332, 880, 1868, 652, 600)) for _ in range(count)]
    return labels, [f"{label}-{row // 4}" for row, label in enumerate(labels)]


def test_sample_split_has_the_published_shape_within_one_answer_a_cell():
    labels, _ = published_corpus()
    split = split_by_sample(labels, range(len(labels)))  # by default
    published = {"train": (299, 792, 1681, 586, 540), "validation": (16, 44, 94, 33, 30), "test": (17, 44, 93, 33, 30)}
    for name, counts in published.items():
        ours = np.bincount(np.array(labels)[split == name], minlength=5)
        assert np.abs(ours - counts).max() <= 1
        assert abs(int(ours.sum()) - sum(counts)) <= 1


def test_sample_split_leaks_speakers_and_group_split_does_not():
    labels, speakers = published_corpus()
    by_sample = split_by_sample(labels, range(len(labels)))
    by_speaker = split_by_group(labels, speakers)
    for split, is_leaking in ((by_sample, True), (by_speaker, False)):
        train, test = (set(np.array(speakers)[split == name]) for name in ("train", "test"))
        assert len(train & test) > 0.95 * len(test) if is_leaking else not train & test


def uneven_corpus():
    """Answers of 128 speakers: classes of 1, 2, 3, 5, 11, 23 and 83 of them, in three regions."""
    labels = [f"L{label}" for label, count in enumerate((1, 2, 3, 5, 11, 23, 83)) for _ in range(count)]
    return (
        labels,
        [f"S{i}" for i in range(len(labels))],
        [("CHN", "JPN", "KOR")[i * i % 7 % 3] for i in range(len(labels))],
    )


# The first digits of the SHA-256 of all names, one after another: what was published with a seed stays what it was,
# whatever the machine and Python's hash seed, which is another in each run of the tests.
@pytest.mark.parametrize(
    ("shares", "seed", "stratified", "expected"),
    [
        ((0.9, 0.05, 0.05), 42, True, "d669d597ce63"),
        ((0.9, 0.05, 0.05), 1, False, "3ff152295c7e"),
        ((0.6, 0.2, 0.2), 42, True, "88af70745664"),
        ((0.97, 0.02, 0.01), 42, True, "6b9eeb5aced3"),
        ((0.5, 0.5, 0), 7, True, "ae82ced78ec2"),
        ((0.45, 0.35, 0.2), 7, True, "22a3bce09fd0"),
    ],
)
def test_assignments_stay_the_same_from_version_to_version(shares, seed, stratified, expected):
    labels, speakers, regions = uneven_corpus()
    split = split_by_group(labels, speakers, fractions=shares, seed=seed, strata=regions if stratified else None)
    assert hashlib.sha256("".join(split).encode()).hexdigest()[:12] == expected


@pytest.mark.parametrize(("num_folds", "expected"), [(2, "081bf65fcc45"), (5, "19880712436a"), (7, "19efd615cf60")])
def test_folds_stay_the_same_from_version_to_version(num_folds, expected):
    labels, speakers, regions = uneven_corpus()
    folds = k_folds(labels, speakers, num_folds=num_folds, strata=regions)
    assert hashlib.sha256("".join(map(str, folds)).encode()).hexdigest()[:12] == expected


@given(corpora(), st.integers(2, 7))
def test_labels_of_fewer_groups_than_folds_are_named_with_their_groups(rows, num_folds):
    labels, speakers, _ = columns(rows)
    note = rare_labels_note(labels, speakers, num_folds=num_folds)
    counts = Counter(label for label, _ in {(label, speaker) for label, speaker in zip(labels, speakers, strict=True)})
    rare = [f"{label} ({counts[label]})" for label in sorted(counts) if counts[label] < num_folds]
    assert note.startswith(f"Fewer groups than the {num_folds} folds: {', '.join(rare)}." if rare else "")
    assert bool(note) == bool(rare)
    if len(set(speakers)) >= num_folds:  # the note is true: one label a speaker, so that each has its share of folds
        folds = k_folds(labels, speakers, num_folds=num_folds)
        tested = {label: len({f for f, own in zip(folds, labels, strict=True) if own == label}) for label in counts}
        assert [f"{label} ({tested[label]})" for label in sorted(counts) if tested[label] < num_folds] == rare


def test_speaker_with_two_levels_counts_by_the_more_frequent_one():
    # S0 has three answers of class 1 and one of class 0: class 0 has no speaker of its own, class 1 has three.
    labels = [1, 1, 1, 0, 1, 1]
    split = split_by_group(labels, ["S0", "S0", "S0", "S0", "S1", "S2"], fractions=(0.6, 0.2, 0.2))
    assert set(split) == set(SPLIT_NAMES)


@pytest.mark.parametrize(
    ("function", "arguments", "message"),
    [
        (split_by_group, {"fractions": (0.5, 0.6, -0.1)}, "must be 0 or more and sum to 1"),
        (split_by_group, {"fractions": (0.5, 0.2, 0.2)}, "must be 0 or more and sum to 1"),
        (split_by_group, {"fractions": (0.5, 0.5)}, "must be distinct and as many as"),
        (split_by_group, {"names": ("a", "a", "b")}, "must be distinct and as many as"),
        (split_by_group, {"strata": ["x"]}, r"groups \(2\) and strata \(1\) must have one entry for each row"),
        (split_by_sample, {"ids": ["a", "a"]}, "1 occur more than once, for example 'a'"),
        (k_folds, {"num_folds": 1}, "choose from 2 to the number of groups, 2"),
        (k_folds, {"num_folds": 3}, "choose from 2 to the number of groups, 2"),
    ],
)
def test_bad_arguments_get_a_sentence(function, arguments, message):
    speakers = {} if function is split_by_sample else {"groups": ["a", "b"]}
    with pytest.raises(ValueError, match=message):
        function([0, 1], **speakers, **arguments)
