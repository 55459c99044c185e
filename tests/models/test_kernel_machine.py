"""Oracle: scikit-learn's SVC."""

import keras
import numpy as np
import pytest
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from keras_ser.models.kernel_machine import KERNELS, KernelMachine, fitted


@pytest.mark.parametrize("n_classes", [2, 3, 4])
@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("standardize", [False, True])
def test_decides_as_scikit_learn_does(n_classes, kernel, standardize, rng, tmp_path):
    classes = rng.integers(0, n_classes, 90)
    x = rng.normal(size=(90, 5, 4)) + classes[:, None, None] * rng.normal(size=(5, 4))
    flat = x.reshape(90, -1)
    scaler = StandardScaler().fit(flat) if standardize else None
    scale = scaler.transform if standardize else np.asarray
    svc = SVC(C=10.0, kernel=kernel, break_ties=n_classes > 2).fit(scale(flat), classes)
    model = fitted(svc, scaler, (5, 4), n_classes)
    asked = rng.normal(size=(40, 5, 4)).astype(np.float32) * 2
    probabilities = model(asked).numpy()
    np.testing.assert_array_equal(probabilities.argmax(axis=1), svc.predict(scale(asked.reshape(40, -1))))
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, atol=1e-6)
    if n_classes > 2:
        decisions = model.get_layer("machine")(asked.reshape(40, -1))
        np.testing.assert_allclose(decisions, svc.decision_function(scale(asked.reshape(40, -1))), atol=1e-4)
    model.save(tmp_path / "model.keras")
    np.testing.assert_array_equal(keras.models.load_model(tmp_path / "model.keras")(asked), probabilities)
    np.testing.assert_allclose(model(asked[:1]), probabilities[:1], atol=1e-5)


def test_bad_arguments(rng):
    with pytest.raises(ValueError, match="`kernel` must be one of"):
        KernelMachine(3, kernel="sigmoid")
    svc = SVC().fit(rng.normal(size=(20, 4)), np.arange(20) % 2)
    with pytest.raises(ValueError, match="must know every class"):
        fitted(svc, None, (4,), 3)
