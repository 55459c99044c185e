"""Oracle: NumPy in float64 over the whole set; keras.layers.Normalization where there is no padding."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from keras_ser.layers import RunningNormalization


@pytest.fixture
def features(rng):
    """MFCC-like clips [50, 30, 5]: far from zero, of different lengths, padded with zeros."""
    clips = rng.normal(size=(50, 30, 5)) * [100, 30, 20, 10, 1] + [-300, 80, 0, 5, 1000]
    clips[np.arange(30) >= rng.integers(5, 31, 50)[:, None]] = 0
    return clips.astype(np.float32)


def adapted(features, batch_size=8):
    layer = RunningNormalization()
    layer.adapt(tf.data.Dataset.from_tensor_slices(features).batch(batch_size))
    return layer


def check_statistics(layer, features):
    frames = features[features.any(axis=-1)].astype(np.float64)
    mean, spread = frames.mean(axis=0), frames.std(axis=0)
    # The mean is stored in float32, whose steps are 1e-7 of it.
    assert (abs(layer.adapt_mean.numpy() - mean) <= 1e-5 * spread + 1e-7 * abs(mean)).all()
    np.testing.assert_allclose(np.sqrt(layer.adapt_variance.numpy()) / spread, 1, rtol=1e-5)


@pytest.mark.parametrize("batch_size", [1, 8, 50])
def test_statistics_are_those_of_the_whole_set(features, batch_size):
    check_statistics(adapted(features, batch_size), features)


@pytest.mark.slow
@settings(max_examples=20)
@given(st.integers(0, 2**32 - 1), st.integers(1, 60), st.floats(-1e4, 1e4), st.floats(1e-2, 1e3))
def test_the_order_of_the_batches_does_not_matter(seed, batch_size, mean, spread):
    rng = np.random.default_rng(seed)
    features = (rng.normal(size=(60, 4, 3)) * spread + mean).astype(np.float32)
    one, other = adapted(features, batch_size), adapted(features[rng.permutation(60)], 7)
    check_statistics(one, features)
    for a, b in zip(one.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-6, atol=1e-6)


def test_a_traced_graph_follows_the_next_adapt(features):
    layer = adapted(features)
    traced = tf.function(layer)
    traced(features)
    layer.adapt(features * 2)
    np.testing.assert_allclose(traced(features * 2), adapted(features * 2)(features * 2), rtol=0, atol=1e-5)


def test_as_keras_where_nothing_is_padding(rng):
    features = rng.normal(3, 2, (40, 6, 4)).astype(np.float32)
    theirs = keras.layers.Normalization(axis=-1)
    theirs.adapt(features)
    np.testing.assert_allclose(adapted(features)(features), theirs(features), rtol=0, atol=1e-5)


def test_padding_stays_zero_and_the_rest_has_mean_0_and_deviation_1(features):
    normalised = adapted(features)(features).numpy()
    padding = ~features.any(axis=-1)
    assert padding.any()
    assert not normalised[padding].any()
    np.testing.assert_allclose(normalised[~padding].mean(axis=0), 0, atol=1e-4)
    np.testing.assert_allclose(normalised[~padding].std(axis=0), 1, atol=1e-4)


def test_alone_in_tf_data_reloaded_and_exported(features, tmp_path):
    model = keras.Sequential([keras.Input((None, 5)), adapted(features)])
    together = model(features).numpy()
    alone = np.concatenate([model(features[i : i + 1, :20]) for i in range(len(features))])
    np.testing.assert_array_equal(alone, together[:, :20])
    in_data = tf.data.Dataset.from_tensor_slices(features).batch(7).map(model)
    np.testing.assert_array_equal(np.concatenate(list(in_data.as_numpy_iterator())), together)
    model.save(tmp_path / "model.keras")
    np.testing.assert_array_equal(keras.saving.load_model(tmp_path / "model.keras")(features), together)
    model.export(tmp_path / "exported", verbose=False)
    loaded = tf.saved_model.load(tmp_path / "exported")
    served = loaded.serve(features)
    np.testing.assert_allclose(served, together, rtol=0, atol=1e-6)


def test_statistics_can_be_taken_anew_after_the_first_call(features):
    layer = adapted(features)
    graph = keras.Sequential([keras.Input((30, 5)), layer])
    graph.predict(features, verbose=0)
    layer.adapt(2 * features + (features != 0))
    check_statistics(layer, 2 * features + (features != 0))


def test_a_constant_feature_becomes_zero(features):
    features[..., 4] = np.where(features.any(axis=-1), 7, 0)
    assert not adapted(features)(features).numpy()[..., 4].any()


def test_what_it_does_not_do_it_does_not_take():
    with pytest.raises(TypeError, match="invert"):
        RunningNormalization(invert=True)


def test_nothing_but_padding():
    with pytest.raises(ValueError, match="no frame"):
        RunningNormalization().adapt(np.zeros((2, 3, 4), np.float32))
