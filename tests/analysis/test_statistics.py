"""Intervals and tests over speakers: how often they hold, what they never do, and that they agree."""

import numpy as np
import pytest
import statsmodels.api as sm
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from sklearn.metrics import balanced_accuracy_score

from keras_ser.analysis import statistics

EMODB_CLIPS = (49, 58, 43, 38, 55, 35, 61, 69, 56, 71)  # of its ten speakers
SPEAKERS = np.repeat(np.arange(10), EMODB_CLIPS)


COUNTS = {
    "Emo-DB": EMODB_CLIPS,
    "one speaker says most": (10,) * 7 + (200,),
    "of ever more": (5, 5, 10, 20, 60, 200),
    "four corpora": (1400,) * 2 + (60,) * 24 + (82,) * 91,
}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("counts", "accuracy", "alike"),
    [*((EMODB_CLIPS, *of_speakers) for of_speakers in ((0.3, 20), (0.9, 40))), *((n, 0.5, 8) for n in COUNTS.values())],
)
def test_an_interval_holds_as_often_as_it_says(counts, accuracy, alike):
    """A speaker's accuracy is drawn about ``accuracy`` (Beta; ``alike``: how little it varies), then the clips."""
    rng, held, n = np.random.default_rng(0), 0, 600
    speakers = np.repeat(np.arange(len(counts)), counts)
    for _ in range(n):
        of_speaker = rng.beta(accuracy * alike, (1 - accuracy) * alike, len(counts))
        low, high = statistics.speaker_interval(rng.random(len(speakers)) < of_speaker[speakers], speakers)
        held += low <= accuracy <= high
    assert held / n >= 0.92


@pytest.mark.slow
@pytest.mark.parametrize(("recall", "alike"), [(0.5, 8), (0.7, 20)])
def test_an_interval_of_uar_holds_as_often_as_it_says(recall, alike):
    """Speakers say unequal numbers of clips of seven classes, as in Emo-DB; one of the classes is hard for all."""
    rng, held, n = np.random.default_rng(0), 0, 600
    classes = rng.choice(7, len(SPEAKERS), p=np.array([127, 81, 46, 69, 71, 79, 62]) / 535)
    of_class = np.linspace(-0.2, 0.2, 7)
    for _ in range(n):
        of_speaker = rng.beta(recall * alike, (1 - recall) * alike, 10)
        share = np.clip(of_speaker[SPEAKERS] + of_class[classes], 0, 1)
        low, high = statistics.speaker_interval(rng.random(len(SPEAKERS)) < share, SPEAKERS, classes)
        means = rng.beta(recall * alike, (1 - recall) * alike, 4000)[:, None] + of_class
        held += low <= np.clip(means, 0, 1).mean() <= high
    assert held / n >= 0.93


@pytest.mark.slow
@pytest.mark.parametrize(("n_rare", "n_speakers"), [(3, 3), (6, 6), (30, 3)])
def test_a_rare_class_leaves_uar_uncertain(n_rare, n_speakers):
    rng, held, n = np.random.default_rng(0), 0, 300
    speakers = np.concatenate([np.repeat(np.arange(10), 20), np.resize(np.arange(n_speakers), n_rare)])
    classes = np.repeat([0, 1], [200, n_rare])
    for _ in range(n):
        right = rng.random(len(speakers)) < rng.beta(14, 6, 10)[speakers]
        low, high = statistics.speaker_interval(right, speakers, classes)
        held += low <= 0.7 <= high
    assert held / n >= 0.93


def test_what_speakers_happened_to_say_is_no_uncertainty_of_uar():
    """Every speaker is right in all of one class and none of the other, in whatever numbers: what is left is what 100
    clips tell of each.
    """
    speakers = np.repeat(np.arange(10), 20)
    classes = np.concatenate([np.arange(20) < 2 * speaker for speaker in range(10)]).astype(int)
    low, high = statistics.speaker_interval(classes == 1, speakers, classes)
    n_right = (classes == 1).sum()
    of_none = stats.binomtest(0, int(200 - n_right)).proportion_ci(method="wilson")
    of_all = stats.binomtest(int(n_right), int(n_right)).proportion_ci(method="wilson")
    assert (low, high) == pytest.approx((of_all.low / 2, 0.5 + of_none.high / 2))


def test_of_speakers_with_as_many_clips_it_is_liang_and_zegers(rng):
    speakers, values = np.repeat(np.arange(8), 30), rng.random(240)
    options = {"cov_type": "cluster", "cov_kwds": {"groups": speakers, "df_correction": True}, "use_t": True}
    expected = sm.OLS(values - 0.5, np.ones(240)).fit(**options)
    assert statistics.paired(values - 0.5, speakers) == pytest.approx(expected.pvalues[0])
    assert statistics.paired_interval(values - 0.5, speakers, 0.95) == pytest.approx(expected.conf_int()[0])


@pytest.mark.slow
@pytest.mark.parametrize("counts", COUNTS.values(), ids=COUNTS)
def test_a_test_on_equal_models_errs_as_often_as_it_says(counts):
    """And one that took clips for independent would err more often: speakers differ in what they do to each model."""
    rng, naive, honest, n = np.random.default_rng(0), 0, 0, 300
    speakers = np.repeat(np.arange(len(counts)), counts)
    for _ in range(n):
        ease = rng.uniform(0.2, 0.8, (2, len(counts)))[:, speakers]
        first, second = rng.random(ease.shape) < ease
        honest += statistics.paired(first.astype(float) - second, speakers) < 0.05
        changed = (first & ~second).sum(), (second & ~first).sum()
        naive += stats.binomtest(int(changed[0]), int(sum(changed))).pvalue < 0.05
    assert honest / n < 0.09
    assert naive / n > 0.2


clips = st.lists(st.tuples(st.integers(0, 7), st.integers(-1, 1)), min_size=1, max_size=60)


@pytest.mark.slow
@given(clips, st.lists(st.integers(0, 2), min_size=60, max_size=60))
def test_no_interval_leaves_0_to_1(pairs, classes):
    speakers, values = np.array(pairs).T
    correct, true = values > -1, np.array(classes[: len(values)])
    intervals = [
        statistics.speaker_interval(correct, speakers),
        statistics.speaker_interval(correct, speakers, true),
        statistics.speaker_interval(correct, speakers, n_clips=2),
        *statistics.repetition_intervals(correct.astype(float)),
    ]
    for interval in intervals:
        assert interval is None or 0 <= interval[0] <= interval[1] <= 1
    if len(set(speakers)) < statistics.FEW_SPEAKERS:
        assert intervals[0] is None
    if intervals[0]:
        assert intervals[0][0] <= correct.mean() <= intervals[0][1]


@pytest.mark.slow
@settings(max_examples=60)
@given(st.lists(clips, min_size=1, max_size=4))
def test_a_test_and_the_interval_beside_it_agree(pairs):
    tables = [np.array(rows).T for rows in pairs]
    p_values = [statistics.paired(difference, speakers) for speakers, difference in tables]
    for (speakers, difference), p, corrected in zip(tables, p_values, statistics.corrected(p_values), strict=True):
        if len(set(speakers)) < statistics.FEW_SPEAKERS:
            assert p is None
        if p is None:
            assert corrected is statistics.paired_interval(difference, speakers, 0.95) is None
            continue
        assert 0 <= p <= corrected <= 1
        low, high = statistics.paired_interval(difference, speakers, statistics.level(p, corrected))
        assert -1 <= low <= high <= 1
        assert low - 1e-9 <= difference.mean() <= high + 1e-9
        if abs(corrected - 0.05) > 1e-9:
            assert (low > 0 or high < 0) == (corrected < 0.05)
        if np.ptp(difference):
            assert high > low  # a mean difference of exactly 0 is no certainty either


def test_speakers_that_all_differ_by_the_same_leave_what_clips_tell():
    speakers, difference = np.repeat(np.arange(8), 4), np.tile([1.0, -1.0, 0.0, 0.0], 8)
    assert statistics.paired(difference, speakers) == pytest.approx(1)
    low, high = statistics.paired_interval(difference, speakers, 0.95)
    assert (low, high) == pytest.approx(stats.t.interval(0.95, 31, 0, difference.std(ddof=1) / 32**0.5))


def test_repetitions_of_the_same_clips_are_no_more_clips():
    """Neither where all speakers differ by the same, nor of an interval as if clips were independent."""
    speakers, difference = np.repeat(np.arange(8), 4), np.tile([1.0, 0.0, 0.0, 0.0], 8)
    five = np.tile(difference, 5), np.tile(speakers, 5)
    assert statistics.paired(*five, 32) == pytest.approx(statistics.paired(difference, speakers))
    expected = statistics.paired_interval(difference, speakers, 0.95)
    assert statistics.paired_interval(*five, 0.95, 32) == pytest.approx(expected)
    classes, right = np.arange(32) % 4, np.ones(32)
    once = statistics.speaker_interval(right, speakers, classes)
    passes = np.repeat(np.arange(5), 32)
    again = statistics.speaker_interval(np.ones(160), five[1], np.tile(classes, 5), passes, 32)
    assert again == pytest.approx(once)


def test_of_several_passes_it_is_the_interval_of_their_mean_uar(rng):
    """In one pass a class has other clips than in the next."""
    speakers, passes = rng.integers(0, 9, 900), np.repeat([0, 1], 450)
    classes, right = np.where(rng.random(900) < np.where(passes, 0.9, 0.4), "a", "b"), rng.random(900) < 0.6
    uar = np.mean([right[(passes == one) & (classes == name)].mean() for one in (0, 1) for name in "ab"])
    low, high = statistics.speaker_interval(right, speakers, classes, passes)
    assert uar == pytest.approx((low + high) / 2, abs=1e-6)


@pytest.mark.parametrize(("others", "is_told"), [((10,) * 5, True), ((3,) * 5, False), ((10,) * 4, False)])
def test_of_one_speaker_who_says_nearly_all_nothing_is_told(others, is_told, rng):
    """How speakers vary would be what the few clips of the others happen to tell."""
    speakers = np.repeat(np.arange(1 + len(others)), (300, *others))
    right = (rng.random(len(speakers)) < 0.6).astype(float)
    found = [
        statistics.speaker_interval(right, speakers),
        statistics.paired(right - 0.6, speakers),
        statistics.paired_interval(right - 0.6, speakers, 0.95),
    ]
    assert [one is not None for one in found] == [is_told] * 3


def test_a_model_that_is_right_where_another_is_wrong_is_certain_by_as_many_clips():
    difference, speakers = np.ones(6), np.arange(6)
    assert statistics.paired(difference, speakers) == pytest.approx(stats.binomtest(6, 6).pvalue)
    share = stats.binomtest(6, 6).proportion_ci(0.95).low
    assert statistics.paired_interval(difference, speakers, 0.95) == pytest.approx((2 * share - 1, 1))
    assert statistics.paired_interval(-difference, speakers, 0.95) == pytest.approx((-1, 1 - 2 * share))


def test_two_models_that_are_right_on_the_same_clips():
    assert statistics.paired(np.zeros(80), np.arange(80) % 8) == 1
    assert statistics.paired_interval(np.zeros(80), np.arange(80) % 8, 0.95) == (0, 0)


def test_too_few_speakers_to_tell():
    speakers = np.repeat(list("abcde"), 20)
    assert statistics.paired(np.ones(100), speakers) is None
    assert statistics.speaker_interval(np.ones(100), speakers) is None


def test_a_class_that_few_speakers_say_leaves_uar_without_interval(rng):
    """Its recall would look as if it did not vary from speaker to speaker."""
    speakers, right = np.repeat(np.arange(10), 20), rng.random(200) < 0.6
    for n_of_b, is_told in ((1, False), (2, False), (3, True), (10, True)):
        classes = np.where((np.arange(200) % 2 == 1) & (speakers < n_of_b), "b", "a")
        assert (statistics.speaker_interval(right, speakers, classes) is not None) == is_told


def test_so_does_one_that_few_say_in_one_of_several_passes():
    speakers, passes = np.tile(np.arange(10), 40), np.repeat([0, 1], 200)
    for n_of_b, is_told in ((1, False), (2, False), (4, True)):
        classes = np.where((np.arange(400) % 20 < 10) & ((passes == 1) | (speakers < n_of_b)), "b", "a")
        found = statistics.speaker_interval(np.arange(400) % 3 == 0, speakers, classes, passes)
        assert (found is not None) == is_told


def test_every_clip_right_is_not_certainty():
    low, high = statistics.speaker_interval(np.ones(100), np.arange(100) % 10)
    assert (low, high) == (pytest.approx(stats.binomtest(100, 100).proportion_ci(method="wilson").low), 1)
    # Five repetitions of 20 clips are 20 clips.
    assert statistics.speaker_interval(np.ones(100), np.arange(100) % 10, n_clips=20)[0] < low


def test_an_interval_is_wider_where_speakers_differ(rng):
    speakers = np.repeat(np.arange(12), 30)
    alike = rng.random(360) < 0.6
    apart = rng.random(360) < np.repeat(np.linspace(0.1, 0.95, 12), 30)
    widths = [np.diff(statistics.speaker_interval(values, speakers))[0] for values in (alike, apart)]
    assert widths[1] > 2 * widths[0]


def test_holm():
    assert statistics.corrected([0.01, None, 0.04, 0.03]) == [pytest.approx(0.03), None, *[pytest.approx(0.06)] * 2]
    assert statistics.corrected([None]) == [None]


def test_intervals_over_repetitions_are_students():
    values = [0.91, 0.92, 0.90, 0.89, 0.93]
    of_mean, of_next = statistics.repetition_intervals(values)
    np.testing.assert_allclose(of_mean, stats.t.interval(0.95, 4, loc=np.mean(values), scale=stats.sem(values)))
    half = (of_mean[1] - of_mean[0]) / 2 * np.sqrt(5) * np.sqrt(1 + 1 / 5)
    np.testing.assert_allclose(of_next, (np.mean(values) - half, np.mean(values) + half))
    assert statistics.repetition_intervals([0.9]) == (None, None)
    assert statistics.repetition_intervals([0.99, 0.95, 1.0])[0][1] == 1.0
    assert statistics.repetition_intervals([60, 62], limit=np.inf)[0][1] > 60


@pytest.mark.slow
def test_the_prediction_interval_holds_the_next_value_as_often_as_it_says(rng):
    rows = rng.normal(0.8, 0.01, (4000, 6))
    held = [low <= row[5] <= high for row in rows for low, high in [statistics.repetition_intervals(row[:5])[1]]]
    assert np.mean(held) == pytest.approx(0.95, abs=0.015)  # standard deviation 0.0034


def test_weights_that_make_a_mean_the_uar(rng):
    true, predicted = rng.integers(0, 3, 200), rng.integers(0, 3, 200)
    true[:90] = 0
    weights = statistics.uar_weights(true)
    assert weights.mean() == pytest.approx(1)
    assert np.mean(weights * (true == predicted)) == pytest.approx(balanced_accuracy_score(true, predicted))
