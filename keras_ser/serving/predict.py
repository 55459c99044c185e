"""Emotions of any recordings by an exported model, a stored run or its ``model.keras``.

Files are read ahead in threads, brought to the model's rate and answered in batches; memory grows with the longest
recording, not with their number (but for a table of them all, which has a row per window).

A recording longer than ``LONGEST_S`` is answered window by window, each as long as the model hears, and as a whole by
the mean of its windows.
"""

import itertools
import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from hashlib import blake2b
from numbers import Real
from pathlib import Path

import numpy as np
import pandas as pd
import tensorflow as tf

import keras_ser
from keras_ser import audio, files
from keras_ser.data.features import padded
from keras_ser.data.protocols import PROTOCOLS
from keras_ser.dsp.graph import LENGTHS, WAVEFORM, graph
from keras_ser.dsp.resample import resample
from keras_ser.errors import UserError
from keras_ser.progress import log
from keras_ser.reports import extensions
from keras_ser.runs import store
from keras_ser.serving import exported, inputs
from keras_ser.serving.chain import Statistics, adapted_to, chain, describe, open_run
from keras_ser.serving.formats import segments
from keras_ser.serving.speech import doubts

BATCH = 16  # windows answered together
WAITING = 4 * BATCH  # windows that wait, so that those of similar lengths can be answered together
LONGEST_S = 15.0  # a longer recording is cut into windows unless a window is asked for
WINDOW_S = 5.0  # for a model that hears clips of any length
WINDOWS_S = (0.02, 86400.0)  # the shortest and the longest window and hop that may be asked for
ADAPT_LEAST = 10  # recordings that say what recordings are like
UNADAPTED = (
    "without adaptation it may give all recordings made with other microphones than its training data the same "
    "emotion: give it ten of them or more, with --adapt (Predictor.adapted; of an exported model, export --adapt)"
)
SHIPPED = Path(keras_ser.__file__).parent / "pretrained"  # the model that comes with the package


@dataclass(frozen=True)
class Predictor:
    """A model ready to answer. ``answer``: (waveform [batch, samples], lengths [batch]) → probabilities.

    ``sample_rate``: Hz, None where it takes recordings at their own. ``first_channel``: it hears the first of several
    channels, not their average. ``hears_samples``: how many samples from the start of a clip, at its rate, it takes in,
    None for all. ``title``: what it was trained on, under which protocol, and how well it did. ``caution``: why less
    is to be expected of unseen speakers, "" where that score is theirs. ``needs_speech``: it gives no
    answer to what is no speech (:mod:`keras_ser.serving.speech`). ``features``, ``standardised``: of a model that can
    be adapted: (waveform, lengths) → features [batch, features]; :class:`keras_ser.serving.chain.Statistics` of them →
    ``answer`` by those. ``fixed``: it is the export of such a model, which can no longer be.
    """

    title: str
    caution: str
    labels: tuple[str, ...]
    sample_rate: int | None
    first_channel: bool
    hears_samples: int | None
    answer: Callable
    needs_speech: bool = False
    features: Callable | None = None
    standardised: Callable | None = None
    fixed: bool = False

    def hears_s(self, rate):
        """Seconds of a recording at ``rate`` (Hz) that it takes in, None for all."""
        return self.hears_samples and self.hears_samples / (self.sample_rate or rate)

    def predict(self, recordings, sample_rate=None, *, window_s=None, hop_s=None) -> pd.DataFrame:
        """Emotions of one or several recordings.

        Args:
            recordings: a file's path, or a list or column of such; or a waveform [samples] or [samples, channels],
                floats in [-1, 1] or integers of 16 bits, or a list of such.
            sample_rate: of waveforms, in Hz.
            window_s, hop_s: as of :func:`predict`.

        Returns: one row per window, of most recordings one: ``file`` ("" of a waveform), ``start`` and ``end`` in
            seconds, ``label`` ("" of what is no speech, where the model tells it), and ``p_<label>``, the probability
            of each class.

        Raises:
            UserError: a file that cannot be used; a waveform that is none, or without ``sample_rate``.
        """
        several = isinstance(recordings, Iterable) and not isinstance(recordings, (str, Path))
        several &= not inputs.is_waveform(recordings)
        sounds = [inputs.sound_of(item, sample_rate) for item in (recordings if several else [recordings])]
        return self._table(predict(self, sounds, window_s=window_s, hop_s=hop_s))

    def adapted(self, recordings, sample_rate=None) -> "Predictor":
        """This model for the speakers, rooms and microphones of ``recordings``, whose emotions need not be known.

        It then standardises its features by those of the recordings, and not by those that it was trained on: of other
        microphones, without that, it takes nearly everything for one emotion.

        Args:
            recordings: ten different ones at least, of all emotions that are to be told apart: a folder, or a list of
                paths and waveforms as :meth:`predict` takes them. Silence is left out, and where the model needs
                speech what is none.
            sample_rate: of waveforms, in Hz.

        Raises:
            UserError: fewer than ten can be used, or the model is an exported one or does not standardise its features.
        """
        answer = self.standardised(self.statistics(recordings, sample_rate))
        return replace(self, answer=answer, caution=self.caution.removesuffix(UNADAPTED).removesuffix("; "))

    def statistics(self, recordings, sample_rate=None) -> Statistics:
        """What :meth:`adapted` takes of ``recordings``. Arguments and errors are its."""
        if self.fixed:
            raise UserError(
                "an exported model cannot be adapted: adapt the run as it is exported: keras-ser export RUN --adapt "
                "PATH … --out DIR"
            )
        if self.standardised is None:
            raise UserError("this model cannot be adapted: it does not standardise its features by recordings")
        items = [recordings] if isinstance(recordings, (str, Path)) else recordings
        sounds = itertools.chain.from_iterable(
            inputs.paths_of([item]) if isinstance(item, (str, Path)) else [inputs.sound_of(item, sample_rate)]
            for item in items
        )
        windows, why = [], ""
        for item in predict(replace(self, answer=self.features), sounds):
            if isinstance(item, UserError):
                why = why or str(item)
                continue
            heard = item.answered & (not item.silent)  # what is no speech says nothing of voices
            windows.append(item.windows[heard])
            if not heard.all():
                why = why or f"{item.path or 'a waveform'}: {'; '.join(item.warnings)}"
        values = np.concatenate(windows) if windows else np.zeros((0, 1))
        if (count := _count_distinct(values, ADAPT_LEAST)) < ADAPT_LEAST:
            raise UserError(
                f"{count} different recordings (or windows) can be used{f', others not ({why})' * bool(why)}: adapting "
                f"takes at least {ADAPT_LEAST}, of all emotions that are to be told apart"
            )
        return Statistics(values.mean(axis=0), values.var(axis=0), len(values))

    def predict_folder(self, folder, *, window_s=None, hop_s=None) -> pd.DataFrame:
        """:meth:`predict` of all audio files below ``folder``; those that cannot be used are skipped, with a warning.

        Raises:
            UserError: there is no such folder, no audio file in it, or none that can be used.
        """
        if not os.path.isdir(folder):
            raise UserError(f"{folder}: no such folder")
        predictions = predict(self, inputs.paths_of([folder]), window_s=window_s, hop_s=hop_s)
        return self._table(predictions, skip=True)

    def _table(self, predictions, skip=False):
        answered, rates = [], Counter()
        for prediction in predictions:
            if not isinstance(prediction, UserError):
                answered.append(prediction)
                rates[prediction.rate] += 1
            elif skip:
                log.warning("skipped: %s", prediction)
            else:
                raise prediction
        if not answered:
            raise UserError("no recording is there that can be used")
        warn_of_lower(rates, self.sample_rate)
        return segments(answered)


@dataclass(frozen=True)
class Prediction:
    """What a model says of one recording. ``path``: None where it lies in no file. ``rate``: the recording's, in Hz.

    ``starts``: where its windows begin, in seconds; ``windows``: their probabilities [windows, classes]; ``answered``
    [windows]: whether there is an answer: where there is none, all classes are as likely.
    """

    path: Path | None
    seconds: float
    rate: int
    labels: tuple[str, ...]
    starts: np.ndarray
    ends: np.ndarray
    windows: np.ndarray
    answered: np.ndarray
    warnings: tuple[str, ...]

    @property
    def probabilities(self):
        """[classes], the mean over the windows that have an answer."""
        return (self.windows[self.answered] if self.answered.any() else self.windows).mean(axis=0)

    @property
    def silent(self):
        """Whether every sample is 0, which no emotion can be told from."""
        return inputs.SILENT in self.warnings

    @property
    def label(self):
        """The likeliest one, "" where there is no answer."""
        return self.top(1)[0][0] if self.answered.any() else ""

    def top(self, n=3):
        """The ``n`` likeliest labels with their probabilities, likeliest first; none where there is no answer."""
        if not self.answered.any():
            return []
        order = np.argsort(-self.probabilities, kind="stable")[:n]
        return [(self.labels[place], float(self.probabilities[place])) for place in order]


def _count_distinct(rows, most):
    """How many of the ``rows`` [recordings, features] differ, ``most`` at most. The same sound has the same features
    but for their last digits.
    """
    kept = []
    for row in rows:
        if not any(np.allclose(row, other, rtol=1e-3, atol=1e-4) for other in kept):
            kept.append(row)
        if len(kept) == most:
            break
    return len(kept)


def load(path: "str | Path | Predictor | None" = None) -> Predictor:
    """An exported model, a run's folder, or the ``model.keras`` in it; without a path the model that comes with the
    package; what is loaded already as it is. Raises UserError if ``path`` is none of them.
    """
    if isinstance(path, Predictor):
        return path
    path = SHIPPED if path is None else path
    files.check_is_path(path, "a model is named by its folder, or is what load gives")
    path = _folder(path)
    if _is_exported(path):
        return _exported(path)
    if _is_run(path):
        run = open_run(path)
        model = chain(run)
        facts = describe(run, adapted_to(model))
        predictor = _predictor(facts, _answer(model))
        if facts["adapted_to"] is None:
            return predictor
        return replace(
            predictor,
            features=_answer(extensions.experiment_of(run.facts).front_end.graph()),
            standardised=lambda statistics: _answer(chain(run, statistics)),
        )
    store.check_has_no_folds(path)
    raise UserError(
        f"{path}: neither a model exported by keras-ser nor a run (a folder …/seed-<k>[/fold-<f>] with {store.MODEL})"
    )


def is_model(path) -> bool:
    """Whether :func:`load` would take ``path`` for a model."""
    folder = _folder(path)
    return _is_exported(folder) or _is_run(folder)


def _folder(path):
    path = Path(path)
    return path.parent if path.name == store.MODEL else path


def _is_exported(folder):
    # Not by its sums: recordings come with a file of that name too.
    return any((folder / name).is_file() for name in (exported.FACTS, exported.MODEL))


def _is_run(folder):
    # Tables have names that others use too: a folder of recordings may hold a predictions.csv.
    return any((folder / name).is_file() for name in (store.RECORD, store.MODEL))


def _exported(path):
    served, facts = exported.opened(path)
    ask = served["padded"]
    predictor = _predictor(facts, lambda waveform, lengths: ask(waveform=waveform, lengths=lengths)["probabilities"])
    return replace(predictor, fixed=facts.get("adapted_to") is not None)


def _predictor(facts, answer):
    """From :func:`keras_ser.serving.chain.describe`."""
    protocol = facts["protocol"]
    title = (
        f"{facts['report']} {facts['experiment']}, trained on {facts['corpus']} ({facts['clips']} clips), protocol "
        f"{protocol}: accuracy {facts['scores']['accuracy']:.2f} on its test clips"
    )
    causes = {
        "clip": "augmented versions of them were in its training data",
        "speaker": "their speakers were in its training data",
    }
    shared = [why for name, why in causes.items() if name in PROTOCOLS[protocol].may_share]
    caution = f"{protocol}: {' and '.join(shared)}; expect less of unseen speakers" if shared else ""
    unseen = facts.get("by_protocol", {}).get("speaker_independent")
    if caution:
        score = f"speaker_independent: accuracy {unseen['accuracy']:.2f}" if unseen else "no score on them is known"
        caution += f" ({score})"
    some = [label for label in facts["labels"] if label not in facts.get("common_labels", facts["labels"])]
    if some:
        caution += f"{'; ' * bool(caution)}{', '.join(some)}: classes that only some of its corpora have, see calibrate"
    if facts.get("adapted_to") == 0:
        caution += f"{'; ' * bool(caution)}{UNADAPTED}"
    if facts.get("adapted_to") is not None:
        title += " without adaptation"
    if facts.get("adapted_to"):
        title += f", adapted to {facts['adapted_to']:,} recordings"
    return Predictor(
        title,
        caution,
        tuple(facts["labels"]),
        facts["sample_rate"],
        facts["first_channel"],
        facts["hears_samples"],
        answer,
        needs_speech=bool(facts.get("calibration")),
    )


def _answer(model):
    def answer(waveform, lengths):
        return model([waveform, lengths])

    return graph(answer, WAVEFORM, LENGTHS)


def digest(path) -> str:
    """Of what a model that :func:`load` takes holds: another model has another."""
    folder = _folder(path)
    sums = folder / exported.SUMS  # of an exported model
    holds = [sums] if sums.is_file() else [folder / store.RECORD, folder / store.MODEL]
    return blake2b(b"".join(file.read_bytes() for file in holds), digest_size=16).hexdigest()


def predict(predictor, paths, *, window_s=None, hop_s=None) -> Iterator[Prediction | UserError]:
    """Answer every recording, in order; a file that cannot be used gives the UserError that says why.

    Args:
        paths: files, or :class:`~keras_ser.serving.inputs.Sound`.
        window_s: length of the windows in seconds; None: only for recordings longer than ``LONGEST_S``, as long as
            the model hears.
        hop_s: from the start of a window to the next, at most ``window_s``; None: half a window.

    Raises UserError as :func:`check_windows`.
    """
    check_windows(window_s, hop_s)
    return _predict(predictor, paths, window_s, hop_s)


def check_windows(window_s, hop_s):
    """Raises UserError where a window or hop is not within ``WINDOWS_S``, or a hop is given without a window or longer
    than it: what lies between two windows would have no answer.
    """
    for name, value in (("window", window_s), ("hop", hop_s)):
        if not isinstance(value, Real | None):
            raise UserError(f"a {name} of {value!r}: a number of seconds is needed")
        if value is not None and not WINDOWS_S[0] <= value <= WINDOWS_S[1]:
            raise UserError(f"a {name} of {value:g} s: from {WINDOWS_S[0]:g} to {WINDOWS_S[1]:g} s are possible")
    if hop_s and not window_s:
        raise UserError(f"a hop of {hop_s:g} s without a window: give the window too, or leave out the hop")
    if hop_s and hop_s > window_s:
        raise UserError(
            f"a hop of {hop_s:g} s leaves gaps between windows of {window_s:g} s: give one of at most {window_s:g} s"
        )


def _predict(predictor, paths, window_s, hop_s):
    waiting, windows = [], 0
    read = partial(inputs.read, first_channel=predictor.first_channel)
    for path, sound in audio.in_threads(read, paths, cost=inputs.stated_values, most=audio.AHEAD):
        if isinstance(sound, UserError):
            waiting.append((path, sound, None, None))
        else:
            y, rate, warnings = sound
            length = window_s or (predictor.hears_s(rate) or WINDOW_S if len(y) > LONGEST_S * rate else None)
            spans = _spans(len(y), length and round(length * rate), round((hop_s or (length or 0) / 2) * rate))
            waiting.append((path, (y, rate), spans, warnings))
            windows += len(spans)
        if windows >= WAITING or len(waiting) >= 2 * WAITING:
            yield from _answers(predictor, waiting)
            waiting, windows = [], 0
    yield from _answers(predictor, waiting)


def _spans(n_samples, length, hop):
    """Where windows begin and end, in samples; the last one ends with the recording. → list of (start, end)"""
    if length is None or n_samples <= length:
        return [(0, n_samples)]
    starts = [*range(0, n_samples - length, max(1, hop)), n_samples - length]
    return [(start, start + length) for start in starts]


def _answers(predictor, waiting):
    """Predictions for what waits; windows of one rate and of similar lengths are answered together, at most ``BATCH``
    at a time.
    """
    pieces = [
        (place, y[start:end], rate)
        for place, (_, sound, spans, _) in enumerate(waiting)
        if not isinstance(sound, UserError)
        for y, rate in [sound]
        for start, end in spans
    ]
    of_recording = {place: [] for place, *_ in pieces}
    for rate in dict.fromkeys(rate for _, _, rate in pieces):
        same = sorted(((place, y) for place, y, other in pieces if other == rate), key=lambda piece: len(piece[1]))
        for i in range(0, len(same), BATCH):
            places, clips = zip(*same[i : i + BATCH], strict=True)
            for place, answer in zip(places, _of_clips(predictor, clips, rate), strict=True):
                of_recording[place].append(answer)
    for place, (path, sound, spans, warnings) in enumerate(waiting):
        if isinstance(sound, UserError):
            yield sound
            continue
        if None in of_recording[place]:
            yield inputs.too_long(path)
            continue
        y, rate = sound
        starts, ends = np.array(spans).T / rate
        hears_s = predictor.hears_s(rate)
        if hears_s and (ends - starts).max() > hears_s + 0.1:
            used = f"only the first {hears_s:.1f} s of {(ends - starts).max():.1f} s are used"
            warnings += (f"{used}; add --window {hears_s:.1f} to analyse all of it",)
        windows, why = zip(*of_recording[place], strict=True)
        warnings += _unanswered(why)
        answered = np.array([not doubt for doubt in why])
        facts = (path and Path(path), len(y) / rate, rate, predictor.labels, starts, ends)
        yield Prediction(*facts, np.array(windows), answered, warnings)


def _of_clips(predictor, clips, rate):
    """The model's answer to each of the waveforms and why it has none ("": it has one); None where memory does not
    suffice: for the longest of them it may not, and suffice for the others. → list of (probabilities, str)
    """
    try:
        waveform, lengths = padded(clips)
        if predictor.sample_rate:
            waveform, lengths = resample(waveform, orig_sr=rate, target_sr=predictor.sample_rate, lengths=lengths)
        rows = np.array(predictor.answer(waveform, lengths))
        why = doubts(waveform, lengths, predictor.sample_rate or rate) if predictor.needs_speech else [""] * len(rows)
    except (MemoryError, tf.errors.ResourceExhaustedError):
        if len(clips) == 1:
            return [None]
        return [answer for clip in clips for answer in _of_clips(predictor, [clip], rate)]
    rows[[bool(doubt) for doubt in why]] = 1 / rows.shape[1]
    return list(zip(rows, why, strict=True))


def _unanswered(why):
    """Warnings of windows without an answer. ``why``: of each window, "" where it has one."""
    counts = Counter(doubt for doubt in why if doubt)
    if len(why) == 1:
        return tuple(counts)
    return tuple(f"{doubt} ({n} of {len(why)} windows)" for doubt, n in counts.items())


def lower_rates(rates, expected) -> str:
    """How many recordings lack the upper part of what a model hears, "" if none does.

    Args:
        rates: how many recordings there are of each sample rate (Hz).
        expected: the model's rate in Hz, None where it takes recordings at their own.
    """
    lower = {rate: n for rate, n in sorted(rates.items()) if rate < (expected or 0)}
    if not lower:
        return ""
    counts = ", ".join(f"{n} at {rate} Hz (nothing above {rate // 2} Hz)" for rate, n in lower.items())
    return f"the model expects {expected} Hz; recorded at less: {counts}"


def warn_of_lower(rates, expected):
    """Log :func:`lower_rates` where there is something to say."""
    if caution := lower_rates(rates, expected):
        log.warning("caution: %s", caution)
