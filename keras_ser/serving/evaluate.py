"""A model tested on labelled recordings.

In: a model and a manifest. Out: a prediction for each clip of an emotion that the model knows, and their scores. The
model is asked of the emotions that it and the clips have in common, unless told that all of its own may be answered.
"""

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from keras_ser.analysis import statistics
from keras_ser.analysis.summaries import Confusion
from keras_ser.corpora import own
from keras_ser.corpora.corpus import SYNTHETIC_SPEECH
from keras_ser.errors import UserError
from keras_ser.progress import bar, log
from keras_ser.serving.inputs import SILENT
from keras_ser.serving.predict import predict
from keras_ser.training import metrics
from keras_ser.training.evaluation import LEAST

LEAST_CLASSES = 2
OF_SYNTHETIC = "caution: SYNTHETIC speech: a smoke test; the numbers mean nothing"


@dataclass(frozen=True)
class Evaluation:
    """``predictions``: a row per clip: ``clip, path, corpus, speaker, gender, true, predicted, p_<label>``; ``labels``:
    that could be answered; ``unknown``: how many clips have which emotions that the model does not know;
    ``synthetic``: whether any of them is synthetic speech.
    """

    predictions: pd.DataFrame
    labels: tuple[str, ...]
    unknown: dict[str, int]
    synthetic: bool = False

    @property
    def scores(self) -> pd.DataFrame:
        """A row for all clips and, where there are several, for each corpus and each gender: ``clips``, ``speakers``
        (that are known), ``accuracy`` and ``uar`` with their 95 % intervals over speakers (``…_low``, ``…_high``; None
        of few speakers, or where some are unknown), and ``calibration_error``.
        """
        rows = [self._scores("all", self.predictions)]
        for column in ("corpus", "gender"):
            if self.predictions[column].nunique() > 1:
                rows += [self._scores(name or "unknown", group) for name, group in self.predictions.groupby(column)]
        return pd.DataFrame(rows)

    @property
    def classes(self) -> pd.DataFrame:
        """A row per class: ``label``, ``clips``, ``recall``, ``taken_for`` (most often), ``share`` of its clips."""
        rows = []
        for label, group in self.predictions.groupby("true"):
            wrong = group.loc[group["predicted"] != label, "predicted"].value_counts()
            most = (wrong.index[0], wrong.iloc[0] / len(group)) if len(wrong) else ("", 0.0)
            rows.append((label, len(group), (group["predicted"] == label).mean(), *most))
        return pd.DataFrame(rows, columns=["label", "clips", "recall", "taken_for", "share"])

    @property
    def confusion(self) -> Confusion:
        """Clips by true and predicted class."""
        true, predicted = (metrics.indices(self.predictions[name], self.labels) for name in ("true", "predicted"))
        return Confusion(metrics.confusion(true, predicted, len(self.labels)))

    def draw(self, corpus, path):
        """The confusion matrix as a figure. ``corpus``: what the recordings are called."""
        from keras_ser.output.figures.results import confusion_matrices  # who draws nothing needs no matplotlib

        title = f"{corpus}{f' ({SYNTHETIC_SPEECH})' * self.synthetic}, {len(self.predictions)} clips"
        confusion_matrices({"the model": self.confusion}, self.labels, corpus, title, path)

    def _scores(self, name, clips):
        correct = (clips["true"] == clips["predicted"]).to_numpy()
        confidence = clips[[f"p_{label}" for label in self.labels]].to_numpy().max(axis=1)
        row = {"part": name, "clips": len(clips), "speakers": n_speakers(clips)}
        for score, classes in (("accuracy", None), ("uar", clips["true"])):
            low, high = statistics.speaker_interval(correct, clips["speaker"], classes) or (None, None)
            mean = float(np.average(correct, weights=None if classes is None else statistics.uar_weights(classes)))
            row |= {score: mean, f"{score}_low": low, f"{score}_high": high}
        return row | {"calibration_error": metrics.calibration_error(confidence, correct)}


def n_speakers(clips):
    """How many speak in ``clips``; those that are unknown ("") do not count."""
    return clips.loc[clips["speaker"] != "", "speaker"].nunique()


def in_common(predictor, manifest):
    """→ the clips of ``manifest`` of emotions that ``predictor`` knows, and dict: other emotions → their clips

    Raises UserError where they have fewer than two in common.
    """
    known = manifest["emotion"].isin(predictor.labels)
    if manifest.loc[known, "emotion"].nunique() < LEAST_CLASSES:
        raise UserError(
            f"the clips are of {', '.join(sorted(set(manifest['emotion'])))}, the model knows "
            f"{', '.join(predictor.labels)}: at least {LEAST_CLASSES} in common are needed (--labels says what others "
            "mean)"
        )
    return manifest[known].reset_index(drop=True), manifest.loc[~known, "emotion"].value_counts().to_dict()


def evaluate(predictor, manifest, *, all_classes=False):
    """Answer the clips of ``manifest`` by ``predictor``. → Evaluation

    ``all_classes``: every class of the model may be answered, those too that no clip is of. A recording that cannot be
    used, or is silent, is skipped, with a warning; others say where speech is synthetic, or speakers are unknown.

    Raises UserError where the model knows fewer than two of the clips' emotions, or no recording can be used.
    """
    clips, unknown = in_common(predictor, manifest)
    log.info("model: %s", predictor.title)
    if predictor.caution:  # among these may be clips, or speakers, that it was trained on
        log.warning("caution: %s", predictor.caution)
    present = set(clips["emotion"])
    labels = tuple(label for label in predictor.labels if all_classes or label in present)
    columns = [predictor.labels.index(label) for label in labels]
    places, answers = [], []
    asked = replace(predictor, needs_speech=False)  # its answer to every clip is scored
    predictions = bar(predict(asked, clips["path"]), total=len(clips), desc="clips", unit="clip")
    for place, prediction in enumerate(predictions):
        if isinstance(prediction, UserError):
            log.warning("skipped: %s", prediction)
            continue
        if prediction.silent:  # what is trained and tested on holds none
            log.warning("skipped: %s: %s", prediction.path, SILENT)
            continue
        places.append(place)
        answers.append(prediction.probabilities[columns])
    if not places:
        raise UserError("no recording is there that can be used")
    answers = np.maximum(np.array(answers, np.float64), LEAST)  # a model may give nothing to any of these classes
    answers /= answers.sum(axis=1, keepdims=True)
    table = clips.loc[places, ["clip", "path", "corpus", "speaker", "gender"]].reset_index(drop=True)
    table["true"] = clips.loc[places, "emotion"].to_numpy()
    table["predicted"] = np.array(labels)[answers.argmax(axis=1)]
    probabilities = pd.DataFrame(answers, columns=[f"p_{label}" for label in labels])
    synthetic = bool(clips["synthetic"].any())
    if synthetic:
        log.warning(OF_SYNTHETIC)
    if of_whom := own.unknown_speakers(table):
        some = " of a part that has such clips" if n_speakers(table) else ""
        log.warning("caution: %s: no intervals over speakers%s", of_whom, some)
    return Evaluation(pd.concat([table, probabilities], axis=1), labels, unknown, synthetic)
