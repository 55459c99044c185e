"""The reports, in reading order. ``load(name)`` imports one (and with it TensorFlow)."""

import importlib

from keras_ser.errors import UserError

NAMES = ("emodb_losses", "tess_mfcc", "crema_1d_2d", "four_corpora", "spectral_features")


def load(name):
    """The :class:`~keras_ser.reports.specification.Report` called ``name``.

    Raises UserError, listing the names, if there is none.
    """
    if name not in NAMES:
        raise UserError(f"there is no report {name!r}: choose from {', '.join(NAMES)}")
    return importlib.import_module(f"keras_ser.reports.{name}").REPORT
