"""keras_ser: five speech emotion recognition reports in Keras, each figure beside the one it claims.

The map, from the ground up (imports go one way, tests/test_architecture.py holds them):

errors, audio       the one user error; the one place that opens a sound file
corpora             recordings → manifest
dsp, layers         waveform → features as TensorFlow functions, and the same as Keras layers
librosa_reference   the same features by librosa and noisereduce: the oracle of the tests
data                augmentation, protocols, leakage, features and their cache
models              one function per architecture
training            one model fitted and scored
reports             what a report is made of, and the five reports
runs                runs carried out, kept on disk, and found again
analysis            numbers from stored runs, in DataFrames
output              tables in prose, figures, TensorBoard logs, the results page
serving             SavedModel, TensorFlow Lite, prediction, a page to try a model
benchmark           speed, beside the libraries and the reports' listings
cli                 arguments → one call

``import keras_ser`` loads neither Keras nor TensorFlow: ``keras_ser.layers``, ``keras_ser.models``, ``keras_ser.dsp``
are loaded when they are first used. Keras loads a saved model only where its layers are registered: import
``keras_ser.layers`` (and ``keras_ser.models`` for the reports' networks) before ``keras.models.load_model``.
"""

import importlib

__version__ = "0.1.0"


def __getattr__(name):
    if name in ("dsp", "layers", "models"):
        return importlib.import_module(f"keras_ser.{name}")
    raise AttributeError(f"module 'keras_ser' has no attribute {name!r}")
