"""Numbers and names as people read them: 0.907 ± 0.011, CNN-LSTM."""

import re

import pandas as pd

from keras_ser.data.protocols import PROTOCOLS

_WORDS = {
    "cnn_lstm": "CNN-LSTM",
    **{name: name.upper() for name in ("cnn", "lstm", "svm", "mfcc", "1d", "2d")},
    "categorical_crossentropy": "cross-entropy",
    "khz": "kHz",
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
    """What an experiment is called in a sentence: "CNN-LSTM, mean squared error"."""
    return re.sub("|".join(map(re.escape, _WORDS)), lambda match: _WORDS[match[0]], experiment)


def title_of(protocol):
    """What a protocol is called in a heading of a column."""
    return PROTOCOLS[protocol].title
