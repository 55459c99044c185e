"""keras_ser: five speech emotion recognition reports in Keras, each figure beside the one it claims.

What it promises to programs that import it (:mod:`keras_ser.api` has the details)::

    keras_ser.load()                          a model ready to answer: .predict("a.wav"), .predict_folder("recordings");
                                              the one that comes with the package, or load(path)
    keras_ser.run(report, experiment, …)      one experiment trained and tested: .metrics, .predictions, .model, …
    keras_ser.reproduce(report, …)            a report's table: reported beside obtained
    keras_ser.compare(question, report, …)    losses, models or protocols side by side on the same clips
    keras_ser.results()                       the accuracies of the five reports so far, reported and obtained
    keras_ser.evaluate(corpus, model)         a model tested on labelled recordings
    keras_ser.robustness(model, corpus)       a model tested on clips as if they were recorded badly
    keras_ser.calibrate(run, out)             a trained model, its probabilities calibrated on unseen speakers
    keras_ser.export(run, out)                a trained model as a SavedModel: raw audio in, TensorFlow alone
    keras_ser.load_corpus(name)               the clips of a corpus; keras_ser.split(clips, protocol): who is tested
    keras_ser.leaks(path)                     what train and test share in a run, or in a table of splits
    keras_ser.augment(report, out)            a report's augmented audio as WAV, and its splits as CSV
    keras_ser.report(name)                    what a report states; keras_ser.reports.NAMES: which there are
    keras_ser.layers, keras_ser.dsp           features and effects, as Keras layers and as functions
    keras_ser.models                          the reports' architectures: models.cnn(input_shape, n_classes), …

The map, from the ground up (imports go one way, tests/test_architecture.py holds them):

errors, progress    the one user error; what is said while something runs
files, audio        the one atomic write; the one place that opens a sound file
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
api                 the functions above
cli                 arguments → one call

``import keras_ser`` loads neither Keras nor TensorFlow: what is named above is loaded when it is first used. Keras
loads a saved model only where its layers are registered: import ``keras_ser.layers`` (and ``keras_ser.models`` for the
reports' networks) before ``keras.models.load_model``.
"""

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from keras_ser import dsp, layers, models, reports
    from keras_ser.api import (
        augment,
        calibrate,
        compare,
        evaluate,
        export,
        leaks,
        load,
        load_corpus,
        report,
        reproduce,
        results,
        robustness,
        run,
        split,
    )

__version__ = "0.1.0"

_PACKAGES = ("dsp", "layers", "models", "reports")
__all__ = [
    "augment",
    "calibrate",
    "compare",
    "dsp",
    "evaluate",
    "export",
    "layers",
    "leaks",
    "load",
    "load_corpus",
    "models",
    "report",
    "reports",
    "reproduce",
    "results",
    "robustness",
    "run",
    "split",
]


def __getattr__(name):
    if name in _PACKAGES:
        return importlib.import_module(f"keras_ser.{name}")
    if name in __all__:
        return getattr(importlib.import_module("keras_ser.api"), name)
    raise AttributeError(f"module 'keras_ser' has no attribute {name!r}")


def __dir__():
    return sorted({*globals(), *__all__})
