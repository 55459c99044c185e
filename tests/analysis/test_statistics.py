"""Intervals and tests that draw speakers: against counting by hand, and their error rates."""

from itertools import product

import numpy as np
import pytest
from scipy import stats

from keras_ser.analysis import statistics


def test_a_paired_test_counts_sign_flips_of_speakers(rng):
    speakers = np.repeat(list("abcdefg"), 5)
    first, second = rng.random(35) < 0.7, rng.random(35) < 0.5
    difference = (first.astype(float) - second).reshape(7, 5).sum(axis=1)
    flips = np.array([np.dot(signs, difference) for signs in product([1, -1], repeat=7)])
    exact = min(1.0, 2 * min((flips >= difference.sum() - 1e-9).mean(), (flips <= difference.sum() + 1e-9).mean()))
    assert statistics.paired_test(first, second, speakers) == pytest.approx(exact)
    # The order of the clips does not matter.
    order = rng.permutation(35)
    again = statistics.paired_test(first[order], second[order], speakers[order])
    assert again == pytest.approx(exact)


def test_too_few_speakers_to_tell():
    speakers = np.repeat(list("abcde"), 20)
    right, wrong = np.ones(100), np.zeros(100)
    assert statistics.paired_test(right, wrong, speakers) is None
    assert statistics.interval(right, speakers) is None


def test_a_test_on_equal_models_errs_as_often_as_it_says(rng):
    """And one that took clips for independent would err more often: speakers differ in what they do to each model."""
    speakers, naive, honest, n = np.repeat(np.arange(10), 20), 0, 0, 120
    for _ in range(n):
        ease = rng.uniform(0.2, 0.8, (2, 10)).repeat(20, axis=1)
        first, second = rng.random((2, 200)) < ease
        honest += statistics.paired_test(first, second, speakers) < 0.05
        changed = (first & ~second).sum(), (second & ~first).sum()
        naive += stats.binomtest(int(changed[0]), int(sum(changed))).pvalue < 0.05
    assert honest / n < 0.12
    assert naive / n > 0.2


def test_an_interval_is_wider_where_speakers_differ(rng):
    speakers = np.repeat(np.arange(12), 30)
    alike = rng.random(360) < 0.6
    apart = rng.random(360) < np.repeat(np.linspace(0.1, 0.95, 12), 30)
    widths = [np.diff(statistics.interval(values, speakers))[0] for values in (alike, apart)]
    assert widths[1] > 2 * widths[0]
    low, high = statistics.interval(alike, speakers)
    assert low < alike.mean() < high


def test_holm():
    assert statistics.corrected([0.01, None, 0.04, 0.03]) == [pytest.approx(0.03), None, *[pytest.approx(0.06)] * 2]
    assert statistics.corrected([None]) == [None]


def test_calibration_error(rng):
    confidence = rng.uniform(0.3, 1, 20000)
    assert statistics.calibration_error(confidence, rng.random(20000) < confidence) < 0.02
    assert statistics.calibration_error(confidence, rng.random(20000) < confidence - 0.2) == pytest.approx(
        0.2, abs=0.02
    )
    assert statistics.calibration_error([1.0, 1.0], [1, 0]) == 0.5
    assert statistics.calibration_error([0.0], [1]) == 1.0
