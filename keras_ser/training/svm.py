"""Fit a support vector machine as a report says, by scikit-learn. Knows nothing of corpora, protocols or files.

In: features float32 [examples, …], classes int [examples], speakers [examples]. Out: a Keras model
(:mod:`keras_ser.models.svm`) and a :class:`keras_ser.training.networks.Fit` whose history has a row
a candidate.
"""

import time

import numpy as np
import pandas as pd
from sklearn.model_selection import GridSearchCV, LeaveOneGroupOut, StratifiedKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from keras_ser.errors import UserError
from keras_ser.models.svm import fitted
from keras_ser.training.networks import Fit

FOLDS = 4


def fit(features, classes, speakers, n_classes, *, training, impossible=()):
    """Fit the SVM that ``training`` (:class:`keras_ser.reports.specification.SupportVectors`) describes.

    Where it names more than one candidate, the one is taken whose accuracy is best on average over the speakers, each
    held out in turn (over ``FOLDS`` parts of the examples where without one of the speakers fewer than two classes are
    left, or nobody knows who speaks); it is then fitted to all examples. → keras.Model, Fit

    Raises UserError if a class, but for those that are ``impossible``, has no example, or too few to choose by.
    """
    started = time.perf_counter()
    needed, present = set(range(n_classes)) - set(impossible), set(classes)
    if not needed <= present:
        raise UserError(f"an SVM needs clips of all {len(needed)} classes in train: found {len(present)}")
    x = features.reshape(len(features), -1).astype(np.float64)
    chain = make_pipeline(StandardScaler() if training.standardize else "passthrough", SVC())
    candidates = {"svc__C": training.C, "svc__kernel": training.kernels}
    if len(training.C) * len(training.kernels) > 1:
        by_speaker = _can_be_left_out(classes, np.asarray(speakers))
        folds = LeaveOneGroupOut() if by_speaker else StratifiedKFold(FOLDS, shuffle=True, random_state=0)
        if not by_speaker and np.bincount(classes, minlength=n_classes)[list(needed)].min() < FOLDS:
            raise UserError(
                "choosing C and kernel of an SVM needs two speakers in train with two classes each, or "
                f"{FOLDS} clips of each class"
            )
        # The SVM's gamma ("scale") comes from the examples it is fitted to, in every fold anew.
        search = GridSearchCV(chain, candidates, cv=folds, refit=False, error_score="raise")
        search.fit(x, classes, groups=speakers if by_speaker else None)
        history = pd.DataFrame(search.cv_results_["params"]).rename(columns=lambda name: name.removeprefix("svc__"))
        history["val_accuracy"] = search.cv_results_["mean_test_score"]
        best = search.best_params_
    else:
        best = {name: values[0] for name, values in candidates.items()}
        history = pd.DataFrame([best]).rename(columns=lambda name: name.removeprefix("svc__"))
    history["chosen"] = (history["C"] == best["svc__C"]) & (history["kernel"] == best["svc__kernel"])
    scaler, svc = chain.set_params(**best).fit(x, classes).named_steps.values()
    model = fitted(svc, scaler if training.standardize else None, features.shape[1:], n_classes)
    return model, Fit(history, None, time.perf_counter() - started)


def _can_be_left_out(classes, speakers):
    """Whether without any one of the speakers there are two classes to fit an SVM to. (Clips of a class that only the
    one left out speaks are wrong for every candidate alike.)
    """
    return all(len(set(classes[speakers != speaker])) > 1 for speaker in set(speakers))
