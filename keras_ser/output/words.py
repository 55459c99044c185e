"""Numbers and names as people read them: 0.907 ± 0.011, CNN-LSTM."""

import re

import pandas as pd

from keras_ser.data.protocols import PROTOCOLS

METRICS = {"accuracy": "accuracy", "uar": "UAR", "weighted_f1": "weighted F1"}

_WORDS = {  # of two that begin alike the longer one comes first
    "cnn_lstm": "CNN-LSTM",
    "cnn_1d": "1D CNN",
    "cnn_2d": "2D CNN",
    "svm_compare": "SVM on ComParE 2016",
    "svm_egemaps": "SVM on eGeMAPS",
    "svm_grid": "SVM with grid search",
    **{name: name.upper() for name in ("cnn", "lstm", "mlp", "svm", "mfcc")},
    "resnet": "ResNet",
    "categorical_crossentropy": "cross-entropy",
    "/int16": ", int16 scale",
    "/per_clip": ", normalised per clip",
    "/run_a": ", run A",
    "/run_b": ", run B",
    "/emodb": " of Emo-DB alone",
    "/ravdess": " of RAVDESS alone",
    "/crema_d": " of CREMA-D alone",
    "_over_time_relu": " over time, ReLU",
    "_over_time_tanh": " over time, tanh",
    "_augmented/": ", augmented by ",
    "_batch_": ", batches of ",
    "_hertz": ", bands in hertz",
    "_standardized": ", standardised",
    "khz": "kHz",
    "@": ", ",
    "/": ", ",
    "_": " ",
}


def describe(value, std=None, digits=3):
    """A mean with its spread for people: 0.907 ± 0.011."""
    if value is None or pd.isna(value):
        return "–"
    spread = "" if std is None or pd.isna(std) else f" ± {std:.{digits}f}"
    return f"{value:.{digits}f}{spread}"


def between(low, high, digits=3, sign=""):
    """An interval for people: 0.52 to 0.61."""
    if low is None or pd.isna(low):
        return "–"
    return f"{low:{sign}.{digits}f} to {high:{sign}.{digits}f}"


def span(values, digits=3):
    """From the least to the greatest of ``values``; one number where they read the same."""
    low, high = f"{values.min():.{digits}f}", f"{values.max():.{digits}f}"
    return low if low == high else f"{low} to {high}"


def repetitions(n):
    """Their number in words."""
    return f"{n} repetition{'s' * (n != 1)}"


def signed(value, digits=3):
    """A difference with a minus sign that is one."""
    return f"{value:+.{digits}f}".replace("-", "−")


def text(frame, digits=3, sign=""):
    """A DataFrame of numbers and words as one of text: fractions with so many digits, whole numbers without."""
    return frame.map(lambda value: _cell(value, digits, sign))


def _cell(value, digits, sign):
    if isinstance(value, str):
        return value
    if pd.isna(value):
        return "–"
    return f"{value:{sign}.{digits}f}".replace("-", "−") if isinstance(value, float) else f"{value}"


def in_words(experiment):
    """What an experiment is called where people read: "CNN-LSTM, mean squared error"."""
    return re.sub("|".join(map(re.escape, _WORDS)), lambda match: _WORDS[match[0]], experiment)


def named(experiment):
    """An experiment where it is first spoken of, in Markdown: "CNN, mean squared error (`cnn/mean_squared_error`)"."""
    return f"{in_words(experiment)} (`{experiment}`)"


def title_of(protocol):
    """What a protocol is called in a heading of a column."""
    return PROTOCOLS[protocol].title


def spoken(parts, experiments):
    """Prose in Markdown and tables of text in which the names of ``experiments`` (`cnn_1d/run_a`), and what they begin
    with (`cnn_1d`), are words; where a name stands for the first time it follows in brackets. → list of parts
    """
    names = {*experiments, *(name.partition("/")[0] for name in experiments)}
    mentioned = set()

    def of(match):
        name = match[1]
        if name not in names:
            return match[0]
        first = name not in mentioned
        mentioned.add(name)
        return named(name) if first else in_words(name)

    def said(words):
        return re.sub("`([^`]+)`", of, words)

    return [said(part) if isinstance(part, str) else part.map(said) for part in parts]
