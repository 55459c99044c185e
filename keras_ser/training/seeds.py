"""One number from which all follows that Keras and TensorFlow draw."""

import contextlib
import random

import keras
from keras.src.random import seed_generator  # where Keras takes the seeds of layers and initialisers from


@contextlib.contextmanager
def seeded(seed):
    """Models built in the block depend on ``seed`` alone. What is trained afterwards, too: it draws from their layers.

    ``keras.utils.set_random_seed`` alone does not give that: Keras draws the seed of each layer from Python's
    generator, from which other threads of the process (those of a Dask worker) draw meanwhile.
    """
    keras.utils.set_random_seed(seed)
    shared, seed_generator.python_random = seed_generator.python_random, random.Random(seed)
    try:
        yield
    finally:
        seed_generator.python_random = shared
