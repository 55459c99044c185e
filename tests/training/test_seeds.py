import random
import threading

import keras
import numpy as np
import pytest

from keras_ser.training.seeds import seeded


def variables(seed):
    """Of a model with everything that draws a seed when it is built."""
    with seeded(seed):
        layers = [keras.layers.LSTM(3), keras.layers.Dropout(0.5), keras.layers.Dense(2)]
        return [np.asarray(one) for one in keras.Sequential([keras.Input((4, 5)), *layers]).variables]


@pytest.fixture
def a_thread_that_draws():
    """Another thread of the process draws from Python's generator all the time."""
    ended = threading.Event()

    def draw():
        while not ended.is_set():
            random.random()

    thread = threading.Thread(target=draw)
    thread.start()
    yield
    ended.set()
    thread.join()


@pytest.mark.slow
def test_what_other_threads_draw_changes_no_seed(a_thread_that_draws):
    for first, again, other in zip(variables(0), variables(0), variables(1), strict=True):
        np.testing.assert_array_equal(first, again)
        assert first.ndim == 1 or (first != other).any()  # biases begin at 0


def test_seeds_are_those_that_keras_gives():
    """So that runs of versions before can be repeated."""
    keras.utils.set_random_seed(7)
    expected = keras.layers.Dropout(0.5).seed_generator.get_config(), keras.initializers.GlorotUniform().get_config()
    with seeded(7):
        found = keras.layers.Dropout(0.5).seed_generator.get_config(), keras.initializers.GlorotUniform().get_config()
    assert found == expected


def test_after_the_block_keras_draws_from_python_again():
    with seeded(0):
        pass
    random.seed(3)
    first = keras.layers.Dropout(0.5).seed_generator.get_config()
    random.seed(3)
    assert keras.layers.Dropout(0.5).seed_generator.get_config() == first
