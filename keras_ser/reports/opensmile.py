"""The classic baseline with the field's own features: functionals of openSMILE and a linear SVM.

ComParE 2016 (B. Schuller et al., "The INTERSPEECH 2016 Computational Paralinguistics Challenge", 2016): 6,373 numbers
of a clip. eGeMAPS (F. Eyben et al., "The Geneva Minimalistic Acoustic Parameter Set", IEEE Transactions on Affective
Computing, 2016): 88. Both at the rate of the recording. They have no graph: what is fitted to them cannot be exported.

openSMILE is audEERING's: free for research, teaching and personal use, not for commercial ones. It is no part of this
package and needed only to compute the features (``pip install 'keras-ser[opensmile]'``).
"""

import ctypes
import functools
import importlib
import os
from importlib.metadata import distribution
from pathlib import Path

from keras_ser.models.svm import svm
from keras_ser.reports.specification import Experiment, FrontEnd, SupportVectors

# What experiments are called → (name in openSMILE, how many numbers a clip has, what people call it, C of the SVM).
SETS = {"compare": ("ComParE_2016", 6373, "ComParE 2016", 1e-3), "egemaps": ("eGeMAPSv02", 88, "eGeMAPS", 1e-2)}


@functools.cache
def extractor(feature_set):
    """openSMILE for the functionals of one of its sets. Raises ModuleNotFoundError where it is not installed."""
    # Its library keeps to its own symbols: those of TensorFlow, which is there first, would end the process.
    for library in Path(distribution("opensmile").locate_file("opensmile")).glob("core/bin/*/*SMILEapi*"):
        ctypes.CDLL(str(library), getattr(os, "RTLD_DEEPBIND", ctypes.DEFAULT_MODE))
    opensmile = importlib.import_module("opensmile")
    return opensmile.Smile(opensmile.FeatureSet[feature_set], opensmile.FeatureLevel.Functionals)


def functionals(y, sr, *, feature_set):
    """float32 [samples] at ``sr`` Hz → float32 [numbers of the set]. What openSMILE cannot say of a clip is 0."""
    found = extractor(feature_set).process_signal(y, sr).to_numpy("float32")[0]
    found[found != found] = 0.0
    return found


def baseline(name, kind, augmentation, **options):
    """The experiment ``name``: a linear SVM on one of ``SETS``, fitted to all but the test clips.

    ``augmentation``: (manifest, repetition) → the examples. ``options``: of the experiment.
    """
    feature_set, n_features, title, C = SETS[kind]
    reference = functools.partial(functionals, feature_set=feature_set)
    return Experiment(
        name,
        FrontEnd(kind, None, None, reference, library="opensmile", shape=(n_features,)),
        functools.partial(_linear_svm, n_features),
        "hinge",
        SupportVectors(C=(C,), kernels=("linear",), standardize=True, fitted_on=("train", "validation")),
        augmentation=augmentation,
        extension=True,
        **options,
        note=f"a linear SVM on {title} of openSMILE, {n_features} functionals per clip",
    )


def _linear_svm(n_features, n_classes):
    return svm((n_features,), n_classes)
