"""The public API, which ``import keras_ser`` promises and the commands call; of ``keras_ser.api`` alone is ``setting``,
for whoever trains by the parts that ``run`` is made of.

``load`` answers recordings by a model; ``run`` trains and tests one experiment, ``reproduce`` a whole report,
``compare`` sets its models side by side, ``results`` all reports; ``load_corpus`` and ``split`` give clips and splits
for models of your own, ``augment`` their augmented audio, ``leaks`` what train and test share; ``report`` is what a
report states, ``setting`` what it is run on; ``export`` writes a trained model for TensorFlow alone, ``calibrate`` one
whose probabilities hold, ``evaluate`` and ``robustness`` test it. Functions are silent but for warnings of the logger
``keras_ser`` (see :mod:`keras_ser.progress`), and raise :class:`~keras_ser.errors.UserError`, one line, for what the
caller can put right.
"""

from keras_ser.api.clips import augment, leaks, load_corpus, split
from keras_ser.api.comparing import Comparison, compare
from keras_ser.api.reproducing import Reproduction, reproduce, results
from keras_ser.api.running import Result, run
from keras_ser.api.serving import calibrate, evaluate, export, robustness
from keras_ser.api.settings import Setting, setting
from keras_ser.reports import load as report
from keras_ser.serving.predict import Predictor, load

__all__ = [
    "Comparison",
    "Predictor",
    "Reproduction",
    "Result",
    "Setting",
    "augment",
    "calibrate",
    "compare",
    "evaluate",
    "export",
    "leaks",
    "load",
    "load_corpus",
    "report",
    "reproduce",
    "results",
    "robustness",
    "run",
    "setting",
    "split",
]
