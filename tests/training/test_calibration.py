import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from keras_ser.models.calibrated import Calibrated
from keras_ser.training import calibration

LABELS = ("anger", "fear", "neutral")


def answers(rng, n_clips, sharpness):
    """Probabilities that hold, to the power of ``sharpness``, and what is true."""
    honest = rng.dirichlet(np.ones(3), n_clips)
    true = np.array([rng.choice(3, p=row) for row in honest])
    return calibration.flattened(honest, 1 / sharpness), true


def table(probabilities, true):
    columns = {f"p_{label}": values for label, values in zip(LABELS, probabilities.T, strict=True)}
    return pd.DataFrame({"true": np.array(LABELS)[true], **columns})


@pytest.mark.parametrize("sharpness", [0.5, 1.0, 2.0])
def test_the_temperature_undoes_what_made_them_sharp(rng, sharpness):
    assert calibration.temperature(*answers(rng, 5000, sharpness)) == pytest.approx(sharpness, rel=0.1)


@given(
    arrays(np.float64, (4, 3), elements=st.floats(0.05, 1)),
    st.floats(0.4, 10),
)
def test_flattened_are_probabilities_of_the_same_order(values, temperature):
    probabilities = values / values.sum(axis=1, keepdims=True)
    found = calibration.flattened(probabilities, temperature)
    np.testing.assert_allclose(found.sum(axis=1), 1, rtol=1e-12)
    first, second = (np.take_along_axis(p, np.argsort(probabilities, axis=1), 1) for p in (probabilities, found))
    assert (np.diff(first, axis=1) >= 0).all()
    assert (np.diff(second, axis=1) >= -1e-12).all()
    np.testing.assert_allclose(calibration.flattened(found, 1 / temperature), probabilities, rtol=1e-3, atol=1e-5)


def test_no_clip_has_a_part_in_its_own_temperature(rng):
    folds = [table(*answers(rng, 400, 2.0)) for _ in range(3)]
    before = calibration.held_out(folds, LABELS)
    wrong = folds[0].assign(true="anger")
    after = calibration.held_out([wrong, *folds[1:]], LABELS)
    own = slice(0, 400)
    pd.testing.assert_series_equal(before["calibrated"].iloc[own], after["calibrated"].iloc[own])
    assert (before["calibrated"].iloc[400:] != after["calibrated"].iloc[400:]).any()


def test_errors_fall_where_a_network_is_too_sure(rng):
    folds = [table(*answers(rng, 1000, 2.0)) for _ in range(4)]
    before, after = calibration.errors(calibration.held_out(folds, LABELS))
    assert before > 0.05
    assert after < 0.04


def test_clips_of_other_labels_are_left_out(rng):
    fold = table(*answers(rng, 50, 1.0))
    found = calibration.held_out([fold, fold], ("anger", "fear"))
    kept = np.flatnonzero(fold["true"] != "neutral")
    assert list(found.index) == [*kept, *(kept + 50)]


def test_the_layer_does_the_same(rng):
    """Of a probability that is 0 too, as a network gives it that is sure."""
    probabilities = rng.dirichlet(np.ones(5) * 0.05, 200).astype(np.float32)
    probabilities[::2, 2] = 0
    for temperature in (1.7, 20.0):
        layer = Calibrated([0, 2, 4], temperature)
        found = np.asarray(layer(probabilities))
        of_three = probabilities[:, [0, 2, 4]].astype(np.float64)
        np.testing.assert_allclose(found, calibration.flattened(of_three, temperature), atol=1e-5)
    np.testing.assert_allclose(found.sum(axis=1), 1, atol=1e-5)
    np.testing.assert_array_equal(found, Calibrated.from_config(layer.get_config())(probabilities))
    nothing = np.zeros((1, 5), np.float32)
    np.testing.assert_allclose(layer(nothing), np.full((1, 3), 1 / 3), atol=1e-6)
