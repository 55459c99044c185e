"""The reports, in reading order, and the recipes (:mod:`keras_ser.recipes`). ``load(name)`` imports one (and with it
TensorFlow); a report with our extensions of it.
"""

import functools
import importlib
import importlib.util
from dataclasses import replace

from keras_ser.errors import UserError

NAMES = ("emodb_losses", "tess_mfcc", "crema_1d_2d", "four_corpora", "spectral_features")
RECIPES = ("unseen_speakers",)


@functools.cache
def load(name):
    """The :class:`~keras_ser.reports.specification.Report` or recipe called ``name``; after a report's own experiments
    come those of the module of its name in :mod:`keras_ser.reports.extensions`, if there is one.

    Raises UserError, listing the names, if there is none.
    """
    if name in RECIPES:
        return importlib.import_module(f"keras_ser.recipes.{name}").REPORT
    if name not in NAMES:
        raise UserError(f"there is no report {name!r}: choose from {', '.join((*NAMES, *RECIPES))}")
    report = importlib.import_module(f"{__name__}.{name}").REPORT
    extensions = f"{__name__}.extensions.{name}"
    if importlib.util.find_spec(extensions) is None:
        return report
    return replace(report, experiments=report.experiments + importlib.import_module(extensions).EXPERIMENTS)
