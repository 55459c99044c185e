"""Oracle: scikit-learn's SVC as it comes, and libsvm's loop over the pairs of classes."""

import itertools

import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from keras_ser.models.svm import KERNELS, KernelMachine, fitted, svm


@pytest.mark.slow
@pytest.mark.parametrize("n_classes", [2, 3, 4, 8])
@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("standardize", [False, True])
def test_decides_as_scikit_learn_does(n_classes, kernel, standardize, rng, tmp_path):
    classes = rng.integers(0, n_classes, 90)
    x = rng.normal(size=(90, 5, 4)) + classes[:, None, None] * rng.normal(size=(5, 4))
    flat = x.reshape(90, -1)
    scaler = StandardScaler().fit(flat) if standardize else None
    scale = scaler.transform if standardize else np.asarray
    svc = SVC(C=10.0, kernel=kernel).fit(scale(flat), classes)
    model = fitted(svc, scaler, (5, 4), n_classes)
    asked = rng.normal(size=(40, 5, 4)).astype(np.float32) * 2
    told = scale(asked.reshape(40, -1))
    probabilities = model(asked).numpy()
    np.testing.assert_array_equal(probabilities.argmax(axis=1), svc.predict(told))
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, atol=1e-6)
    if n_classes > 2:
        decisions = model.get_layer("machine")(asked.reshape(40, -1))
        expected = svc.decision_function(told) + np.eye(n_classes)[svc.predict(told)]
        np.testing.assert_allclose(decisions, expected, atol=1e-4)
    model.save(tmp_path / "model.keras")
    np.testing.assert_array_equal(keras.models.load_model(tmp_path / "model.keras")(asked), probabilities)
    np.testing.assert_allclose(model(asked[:1]), probabilities[:1], atol=1e-5)


@pytest.mark.parametrize("known", [(1, 3), (0, 2, 4), (4, 5)])
def test_a_class_that_it_was_not_fitted_to_is_never_decided_for(known, rng):
    x, classes = rng.normal(size=(60, 4)), np.array(known)[np.arange(60) % len(known)]
    svc = SVC(C=10).fit(x, classes)
    answers = fitted(svc, None, (4,), 6)(x.astype(np.float32)).numpy()
    np.testing.assert_array_equal(answers.argmax(axis=1), svc.predict(x))


def test_of_classes_with_as_many_wins_it_is_the_first(rng):
    """Not the one with the greater decision values, which ``break_ties=True`` would take."""
    classes = np.arange(60) % 4
    x, asked = (rng.normal(size=(n, 3)).astype(np.float32) for n in (60, 2000))
    plain = SVC(C=10.0).fit(x, classes)
    otherwise = SVC(C=10.0, break_ties=True).fit(x, classes).predict(asked)
    assert (plain.predict(asked) != otherwise).sum() > 20
    found = fitted(plain, None, (3,), 4)(asked).numpy().argmax(axis=1)
    np.testing.assert_array_equal(found, plain.predict(asked))


def libsvm_votes(decisions, n_classes):
    """svm_predict_values of svm.cpp, for one example."""
    votes = [0] * n_classes
    for (first, second), value in zip(itertools.combinations(range(n_classes), 2), decisions, strict=True):
        votes[first if value > 0 else second] += 1
    return votes


@pytest.mark.slow
@given(st.data())
def test_every_pattern_of_votes(data):
    """Without support vectors the decision values are the intercepts, and can be whatever is asked."""
    n_classes = data.draw(st.integers(2, 8))
    values = st.sampled_from([-3e4, -1.0, -1e-30, 0.0, 1e-30, 1.0, 3e4])
    n_pairs = n_classes * (n_classes - 1) // 2
    decisions = data.draw(st.lists(values, min_size=n_pairs, max_size=n_pairs))
    model = svm((1,), n_classes)
    model.get_layer("machine").intercept.assign(decisions)
    probabilities = model(np.zeros((1, 1), np.float32)).numpy()[0]
    votes = libsvm_votes(decisions, n_classes)
    decided = votes.index(max(votes))
    assert np.sort(probabilities)[-2] < 0.75 * probabilities[decided]  # e^(-1/3) = 0.717: no draw, and no near one
    # The others are in the order of their wins.
    for one, other in itertools.permutations(set(range(n_classes)) - {decided}, 2):
        assert votes[one] <= votes[other] or probabilities[one] > probabilities[other]


@pytest.mark.slow
@settings(max_examples=60)
@given(st.data())
def test_decides_as_scikit_learn_does_on_few_points_of_a_grid(data):
    """Coinciding points, few support vectors, many draws. A pair of classes whose decision value is 0 but for rounding
    can be lost in float32 and won in float64: of such clips nothing is asked.
    """
    n_classes, n_features = data.draw(st.integers(2, 8)), data.draw(st.integers(1, 3))
    n_clips = data.draw(st.integers(n_classes, 4 * n_classes))
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32 - 1)))
    x = rng.integers(-2, 3, size=(n_clips, n_features)).astype(np.float64)
    x[0, 0] += 0.5  # points that all coincide have no gamma
    svc = SVC(
        C=data.draw(st.sampled_from([0.1, 1.0, 10.0])),
        kernel=data.draw(st.sampled_from(KERNELS)),
        decision_function_shape="ovo",
    )
    svc.fit(x, np.concatenate([np.arange(n_classes), rng.integers(0, n_classes, n_clips - n_classes)]))
    asked = np.concatenate([x, rng.integers(-3, 4, size=(50, n_features)), rng.normal(size=(50, n_features))])
    asked = asked.astype(np.float32)
    values = svc.decision_function(asked).reshape(len(asked), -1)
    kernel = np.exp(-svc._gamma * 0) if svc.kernel == "rbf" else np.abs(asked @ svc.support_vectors_.T).max()
    kernel = (svc._gamma * kernel) ** 3 if svc.kernel == "poly" else kernel
    rounding = 2e-6 * (np.abs(svc.dual_coef_).sum() * kernel + np.abs(svc.intercept_).max())
    clear = np.abs(values).min(axis=1) > rounding
    found = fitted(svc, None, (n_features,), n_classes)(asked).numpy().argmax(axis=1)
    np.testing.assert_array_equal(found[clear], svc.predict(asked)[clear])


def test_bad_arguments(rng):
    with pytest.raises(ValueError, match="`kernel` must be one of"):
        KernelMachine(3, kernel="sigmoid")
