"""A trained model in use: exported, calibrated, tested on labelled recordings, as they are and recorded badly."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from keras_ser import corpora, files
from keras_ser.api.clips import recordings
from keras_ser.api.settings import OF_CORPORA, check_of_own, whole_number
from keras_ser.corpora import own
from keras_ser.errors import UserError
from keras_ser.serving import calibrate as calibrating
from keras_ser.serving import export as exporting
from keras_ser.serving.chain import open_run, stored_clips
from keras_ser.serving.predict import SHIPPED, Predictor, load

if TYPE_CHECKING:
    from keras_ser.serving.evaluate import Evaluation


def export(
    run: str | Path | None,
    out: str | Path,
    data: str | Path | None = None,
    *,
    adapt: str | Path | Sequence[str | Path] | None = None,
    corpus: str | Path | None = None,
    labels: Mapping[str, str] | None = None,
    speaker_from: str | None = None,
) -> dict[str, float | None]:
    """Write the model of a stored run to the directory ``out``: raw audio in, probabilities out, TensorFlow alone
    (:mod:`keras_ser.serving.export`).

    Args:
        run: folder of a run, such as one of :attr:`Result.folders`; None: the model of the package.
        adapt: recordings, ten or more, for whose speakers, rooms and microphones the model is to be
            (:meth:`keras_ser.serving.predict.Predictor.adapted`), as a list of paths or a folder.
        data: directory containing the corpora, with whose test clips the model is compared; None:
            ``$KERAS_SER_DATA``, else ``data``, where they are there.
        corpus, labels, speaker_from: as of :func:`run`, of a run on recordings of your own.

    Returns: what was compared → the greatest difference of a probability; None: no test clip was there to compare.

    Raises:
        UserError: no such run; there is something at ``out``; the self-test fails; ``data`` or ``corpus`` has no test
            clip; the model cannot be adapted, or not to so few recordings; an adapted one is to be compared.
    """
    if corpus is None:
        check_of_own(labels, speaker_from)
    else:
        files.check_is_path(corpus, OF_CORPORA)
    if adapt is not None and (data or corpus is not None):
        raise UserError(
            "adapt and data or corpus exclude one another: what the run stored is not what an adapted model answers: "
            "there is nothing to compare it with"
        )
    exporting.check_is_free(out)
    run = SHIPPED if run is None else run
    opened, root = open_run(run), corpora.data_root(data)
    if adapt is not None:
        return exporting.export(opened, out, statistics=load(run).statistics(adapt))
    clips = None
    if corpus is not None:
        _, _, clips = own.read(corpus, labels=labels, speaker_from=speaker_from, data_root=root)
    stored = stored_clips(opened, root, clips)
    if stored.empty and (data or corpus is not None):
        where = root if corpus is None else corpus
        raise UserError(
            f"{where}: no recording of a test clip of this run; without data and corpus the model is exported and not "
            "compared with what the run stored"
        )
    differences = exporting.export(opened, out, stored)
    return differences | ({"test clips as the run stored them": None} if stored.empty else {})


def calibrate(run: str | Path, out: str | Path) -> dict[str, float]:
    """Write a copy of a stored run whose probabilities are calibrated on unseen speakers, among the classes that
    all its corpora share (:mod:`keras_ser.serving.calibrate`).

    Args:
        run: folder of a run; beside it a whole repetition on unseen speakers must be stored.
        out: directory of the copy.

    Returns: ``temperature``, the number of ``clips`` that it was fitted to, expected calibration ``error_before`` and
    ``error_after``.

    Raises:
        UserError: no such run; nothing is stored for unseen speakers; there is something at ``out``.
    """
    return calibrating.calibrate(run, out).facts["calibration"]


def evaluate(
    corpus: str | Path,
    model: str | Path | Predictor | None = None,
    *,
    data: str | Path | None = None,
    labels: Mapping[str, str] | None = None,
    speaker_from: str | None = None,
    adapt: bool = False,
    all_classes: bool = False,
) -> "Evaluation":
    """Test a model on labelled recordings.

    Args:
        corpus: name of a corpus, or a table or directory of recordings of your own, as of :func:`run`.
        model: as of :func:`load`, or what it gave; None: the model of the package.
        data, labels, speaker_from: as of :func:`run`.
        adapt: the model standardises its features by these recordings, of which it is not told the emotions
            (:meth:`Predictor.adapted`).
        all_classes: the model may answer classes too that none of the recordings is of.

    Returns: ``predictions``, ``scores`` (with intervals over speakers, by corpus and gender), ``classes``,
    ``confusion``.

    Raises:
        UserError: no such model or recordings, or they have fewer than two emotions in common.
    """
    from keras_ser.serving import evaluate as evaluating

    manifest = recordings(corpus, data, labels, speaker_from)
    predictor = load(model)
    if adapt:
        predictor = predictor.adapted(list(manifest["path"]))
    return evaluating.evaluate(predictor, manifest, all_classes=all_classes)


def robustness(
    model: str | Path | Predictor | None = None,
    corpus: str | Path | None = None,
    *,
    data: str | Path | None = None,
    labels: Mapping[str, str] | None = None,
    speaker_from: str | None = None,
    adapt: bool = False,
    n_clips: int = 500,
) -> pd.DataFrame:
    """Test a model on clips as they are, and as if they were recorded badly: in noise, by telephone, cut, ….

    Args:
        model: as of :func:`evaluate`.
        corpus: as of :func:`evaluate`; None: the test clips of the model, which then is named by the folder of a run.
        data, labels, speaker_from, adapt: as of :func:`evaluate`.
        n_clips: how many of the clips are taken, at most.

    Returns: one row per condition: ``condition, clips, speakers, accuracy, uar``.

    Raises:
        UserError: no such model or recordings; no test clip of the run is there; the clips are of one speaker.
    """
    from keras_ser.serving import robustness as conditions

    n_clips = whole_number("n_clips", n_clips, 1)
    if corpus is None:
        check_of_own(labels, speaker_from)
        if isinstance(model, Predictor):
            raise UserError(
                "a loaded model does not say what its test clips are: name the folder of its run, or a corpus"
            )
        asked = conditions.of_run(SHIPPED if model is None else model, corpora.data_root(data))
    else:
        asked = conditions.of_manifest(load(model), recordings(corpus, data, labels, speaker_from))
    predictor, clips, possible = asked
    if adapt:
        predictor = predictor.adapted(list(clips["path"]))
    return conditions.measure(predictor, clips, possible, n_clips=n_clips)
