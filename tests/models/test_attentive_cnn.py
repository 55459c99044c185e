import keras
import numpy as np
import pytest

from keras_ser.models.attentive_cnn import AttentiveStatistics, Opinions, attentive_cnn


@pytest.fixture(scope="module")
def model():
    keras.utils.set_random_seed(0)
    return attentive_cnn((40, 16), 3, n_functionals=10, piece=24)


@pytest.fixture
def x(rng):
    spectrogram = rng.normal(size=(4, 40, 16))
    spectrogram[1, 20:] = 0
    return np.concatenate([spectrogram.reshape(4, -1), rng.normal(size=(4, 10))], axis=1).astype(np.float32)


def test_size():
    assert attentive_cnn((200, 64), 9, n_functionals=2855, piece=112).count_params() == 720924


@pytest.mark.slow
def test_answers_alone_as_in_a_batch_and_reloaded(model, x, tmp_path):
    together = model.predict(x, verbose=0)
    np.testing.assert_allclose(together.sum(axis=1), 1, rtol=1e-5)
    for row, expected in zip(x, together, strict=True):
        np.testing.assert_allclose(model(row[None])[0], expected, atol=1e-5)
    model.save(tmp_path / "model.keras")
    np.testing.assert_array_equal(keras.models.load_model(tmp_path / "model.keras").predict(x, verbose=0), together)


def test_both_inputs_matter_and_padding_is_no_speech(model, x):
    before = model(x).numpy()
    for place in (0, 640):  # the first band of the first frame, the first functional
        changed = x.copy()
        changed[:, place] += 3
        assert (np.abs(model(changed) - before) > 1e-6).any(axis=1).all()


def test_while_training_pieces_are_drawn(model, x):
    assert (model(x, training=True).numpy() != model(x, training=True).numpy()).any()


def test_statistics_are_weighted_means_and_deviations_of_own_frames(rng):
    layer = AttentiveStatistics(heads=2, units=3)
    features = rng.normal(size=(2, 6, 4)).astype(np.float32)
    own = np.ones((2, 6, 1), np.float32)
    own[0, 4:] = 0
    found = layer(features, own).numpy()
    features[0, 4:] = 100  # of no consequence
    np.testing.assert_allclose(layer(features, own), found, rtol=1e-5)
    layer.score.kernel.assign(np.zeros((3, 2)))  # no frame is preferred
    mean, deviation = (of(features[0, :4], axis=0) for of in (np.mean, np.std))
    even = layer(features, own).numpy()[0].reshape(2, 4)  # of each head, the means and the deviations of its two
    np.testing.assert_allclose(even[:, :2].ravel(), mean, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(even[:, 2:].ravel(), deviation, rtol=1e-4, atol=1e-5)


def test_all_opinions_while_training_and_their_mean_otherwise(rng):
    opinions = list(rng.uniform(size=(2, 5, 3)).astype(np.float32))
    np.testing.assert_array_equal(Opinions()(opinions, training=True), np.stack(opinions, axis=1))
    np.testing.assert_allclose(Opinions()(opinions), np.mean(opinions, axis=0), rtol=1e-6)
