"""Emotions of any recordings by an exported model, a stored run or its ``model.keras``.

Files are read ahead in threads, brought to the model's rate and answered in batches; memory does not grow with their
number. A recording longer than ``LONGEST_S`` is answered window by window, each as long as the model hears, and as a
whole by the mean of its windows.
"""

import csv
import io
import json
import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from hashlib import blake2b
from pathlib import Path

import numpy as np
import pandas as pd
import tensorflow as tf

from keras_ser import audio, files
from keras_ser.corpora.corpus import audio_files
from keras_ser.data.features import padded
from keras_ser.dsp.resample import resample
from keras_ser.errors import UserError, one_line
from keras_ser.output import figures
from keras_ser.serving import export

BATCH = 16  # windows answered together
LONGEST_S = 15.0  # a longer recording is cut into windows unless a window is asked for
WINDOW_S = 5.0  # for a model that hears clips of any length
WINDOWS_S = (0.02, 86400.0)  # the shortest and the longest window and hop that may be asked for
SHORTEST_S = 0.3  # less than a syllable or two
LONGEST_NAME = 150  # bytes of a recording's name in that of its timeline
QUIET_DB = -60.0  # below full scale


@dataclass(frozen=True)
class Predictor:
    """A model ready to answer. ``answer``: (waveform [batch, samples], lengths [batch]) → probabilities.

    ``sample_rate``: Hz, None where it takes recordings at their own. ``first_channel``: it hears the first of several
    channels, not their average. ``hears_samples``: how many samples from the start of a clip, at its rate, it takes in,
    None for all. ``title``: what it was trained
    on, under which protocol, and how well it did.
    """

    title: str
    labels: tuple[str, ...]
    sample_rate: int | None
    first_channel: bool
    hears_samples: int | None
    answer: Callable

    def hears_s(self, rate):
        """Seconds of a recording at ``rate`` (Hz) that it takes in, None for all."""
        return self.hears_samples and self.hears_samples / (self.sample_rate or rate)


@dataclass(frozen=True)
class Prediction:
    """What a model says of one recording.

    ``starts``: where its windows begin, in seconds; ``windows``: their probabilities [windows, classes].
    """

    path: Path
    seconds: float
    labels: tuple[str, ...]
    starts: np.ndarray
    ends: np.ndarray
    windows: np.ndarray
    warnings: tuple[str, ...]

    @property
    def probabilities(self):
        """[classes], the mean over the windows."""
        return self.windows.mean(axis=0)

    def top(self, n=3):
        """The ``n`` likeliest labels with their probabilities, likeliest first."""
        order = np.argsort(-self.probabilities, kind="stable")[:n]
        return [(self.labels[place], float(self.probabilities[place])) for place in order]


def load(path) -> Predictor:
    """An exported model, a run's folder, or the ``model.keras`` in it. Raises UserError if ``path`` is none of them."""
    path = Path(path)
    if path.name == "model.keras":
        path = path.parent
    if (path / "saved_model.pb").is_file():
        return _exported(path)
    if (path / "run.json").is_file():
        run = export.open_run(path)
        model = export.chain(run)

        def answer(waveform, lengths):
            return model([waveform, lengths])

        return _predictor(export.describe(run), _as_graph(answer))
    raise UserError(f"{path}: neither a model exported by keras-ser nor a run (a folder …/seed-<k> with model.keras)")


def _exported(path):
    try:
        facts = json.loads((path / export.EXTRA / "keras_ser.json").read_text())
        served = tf.saved_model.load(str(path)).signatures["padded"]
        return _predictor(facts, lambda waveform, lengths: served(waveform=waveform, lengths=lengths)["probabilities"])
    except (OSError, ValueError, KeyError) as error:
        raise UserError(f"{path}: this SavedModel was not exported by keras-ser ({error!r})") from error


def _predictor(facts, answer):
    """From :func:`keras_ser.serving.export.describe`."""
    title = (
        f"{facts['report']} {facts['experiment']}, trained on {facts['corpus']} ({facts['clips']} clips), protocol "
        f"{facts['protocol']}: accuracy {facts['scores']['accuracy']:.2f} on its test clips"
    )
    return Predictor(
        title, tuple(facts["labels"]), facts["sample_rate"], facts["first_channel"], facts["hears_samples"], answer
    )


def _as_graph(answer):
    signature = [tf.TensorSpec([None, None], tf.float32), tf.TensorSpec([None], tf.int32)]
    return tf.function(answer, input_signature=signature)


def recordings(paths: Iterable[str | Path]) -> Iterator[Path]:
    """The files named, and those with an audio suffix in the folders named."""
    for path in map(Path, paths):
        if os.path.isdir(path):  # Path.is_dir raises where a name is too long
            yield from (path / inside for inside in audio_files(path))
        else:
            yield path


def predict(predictor, paths, *, window_s=None, hop_s=None) -> Iterator[Prediction | UserError]:
    """Answer every recording, in order; a file that cannot be used gives the UserError that says why.

    Args:
        paths: files (see :func:`recordings`).
        window_s: length of the windows in seconds; None: only for recordings longer than ``LONGEST_S``, as long as
            the model hears.
        hop_s: from the start of a window to the next; None: half a window.

    Raises UserError where a window or hop is not within ``WINDOWS_S``.
    """
    for name, value in (("window", window_s), ("hop", hop_s)):
        if value is not None and not WINDOWS_S[0] <= value <= WINDOWS_S[1]:
            raise UserError(f"a {name} of {value:g} s: from {WINDOWS_S[0]:g} to {WINDOWS_S[1]:g} s are possible")
    waiting, windows = [], 0
    for path, sound in audio.in_threads(partial(_read, first_channel=predictor.first_channel), paths):
        if isinstance(sound, UserError):
            waiting.append((path, sound, None, None))
        else:
            y, rate, warnings = sound
            length = window_s or (predictor.hears_s(rate) or WINDOW_S if len(y) > LONGEST_S * rate else None)
            spans = _spans(len(y), length and round(length * rate), round((hop_s or (length or 0) / 2) * rate))
            waiting.append((path, (y, rate), spans, warnings))
            windows += len(spans)
        if windows >= BATCH or len(waiting) >= 8 * BATCH:
            yield from _answers(predictor, waiting)
            waiting, windows = [], 0
    yield from _answers(predictor, waiting)


def _read(path, first_channel):
    """→ path and (waveform, rate, warnings), or path and what is wrong with it."""
    try:
        y, rate = audio.read(path, first_channel=first_channel)
    except UserError as error:
        return path, error
    return path, (y, rate, _warnings(y, rate))


def _warnings(y, rate):
    """What about a recording makes an answer doubtful."""
    # In float64: the square of a denormal number is 0 in float32.
    peak, level = np.abs(y).max(), np.sqrt(np.mean(np.square(y, dtype=np.float64)))
    out = []
    if len(y) < SHORTEST_S * rate:
        out.append(f"short: {len(y) / rate:.2f} s")
    if peak == 0:
        out.append("silent: every sample is 0")
    elif 20 * np.log10(level) < QUIET_DB:
        out.append(f"quiet: {20 * np.log10(level):.0f} dB below full scale")
    if audio.clipped_run(y) >= audio.CLIPPED_RUN:
        out.append(f"clipped: {audio.clipped_run(y)} samples in a row at full scale")
    return tuple(out)


def _spans(n_samples, length, hop):
    """Where windows begin and end, in samples; the last one ends with the recording. → list of (start, end)"""
    if length is None or n_samples <= length:
        return [(0, n_samples)]
    starts = [*range(0, n_samples - length, max(1, hop)), n_samples - length]
    return [(start, start + length) for start in starts]


def _answers(predictor, waiting):
    """Predictions for what waits; windows of one rate are answered together, at most ``BATCH`` at a time."""
    pieces = [
        (place, y[start:end], rate)
        for place, (_, sound, spans, _) in enumerate(waiting)
        if not isinstance(sound, UserError)
        for y, rate in [sound]
        for start, end in spans
    ]
    found = {place: [] for place, *_ in pieces}
    for rate in dict.fromkeys(rate for _, _, rate in pieces):
        same = [(place, y) for place, y, other in pieces if other == rate]
        for i in range(0, len(same), BATCH):
            places, clips = zip(*same[i : i + BATCH], strict=True)
            waveform, lengths = padded(clips)
            if predictor.sample_rate:
                waveform, lengths = resample(waveform, orig_sr=rate, target_sr=predictor.sample_rate, lengths=lengths)
            for place, row in zip(places, np.asarray(predictor.answer(waveform, lengths)), strict=True):
                found[place].append(row)
    for place, (path, sound, spans, warnings) in enumerate(waiting):
        if isinstance(sound, UserError):
            yield sound
            continue
        y, rate = sound
        starts, ends = np.array(spans).T / rate
        if rate < (predictor.sample_rate or 0):
            warnings += (f"recorded at {rate} Hz, the model hears up to {predictor.sample_rate // 2} Hz",)
        hears_s = predictor.hears_s(rate)
        if hears_s and (ends - starts).max() > hears_s + 0.1:
            warnings += (f"only the first {hears_s:.1f} s of {(ends - starts).max():.1f} s are heard: --window",)
        windows = np.array(found[place])
        yield Prediction(Path(path), len(y) / rate, predictor.labels, starts, ends, windows, warnings)


def as_line(prediction):
    """A prediction for people."""
    top = "  ".join(f"{probability:.3f} {label:<9}" for label, probability in prediction.top())
    warnings = f"  [{'; '.join(prediction.warnings)}]" if prediction.warnings else ""
    return f"{top}  {one_line(prediction.path)}{warnings}"


def csv_header(labels):
    """The first line of the CSV."""
    return _csv(["path", "seconds", "label", *(f"p_{label}" for label in labels), "warnings"])


def as_csv(prediction):
    """A prediction as a row of CSV."""
    probabilities = [f"{value:.6g}" for value in prediction.probabilities]
    facts = [prediction.path, f"{prediction.seconds:.6g}", prediction.top(1)[0][0]]
    return _csv([*facts, *probabilities, "; ".join(prediction.warnings)])


def _csv(cells):
    row, end = io.StringIO(), "\r\n"  # the writer quotes those line ends only that it writes itself
    csv.writer(row, lineterminator=end).writerow(cells)
    return row.getvalue().removesuffix(end)


def as_json_line(prediction):
    """A prediction as a line of JSON."""
    return json.dumps(
        {
            "path": str(prediction.path),
            "seconds": round(prediction.seconds, 6),
            "top": [{"label": label, "probability": probability} for label, probability in prediction.top()],
            "probabilities": dict(zip(prediction.labels, map(float, prediction.probabilities), strict=True)),
            "windows": len(prediction.windows),
            "warnings": prediction.warnings,
        }
    )


FORMATS = {"table": as_line, "csv": as_csv, "jsonl": as_json_line}


def write_timeline(prediction, folder):
    """The windows of a recording as CSV and as a figure: ``<its folder>_<its name>-<digest of its path>``, which no
    other recording shares. Raises UserError if the disk does not take them.
    """
    folder, path = Path(folder), prediction.path.resolve()
    table = pd.DataFrame(prediction.windows, columns=prediction.labels)
    table.insert(0, "start", prediction.starts)
    table.insert(1, "end", prediction.ends)
    title = os.fsencode(path.name).decode(errors="replace").replace("$", r"\$")  # two dollars would begin a formula
    readable = "_".join(path.with_suffix("").parts[-2:]).strip("/")
    # Some names are as long as the disk takes them, which counts bytes.
    readable = os.fsencode(readable)[:LONGEST_NAME].decode(errors="ignore")
    name = f"{readable}-{blake2b(os.fsencode(path), digest_size=4).hexdigest()}"
    with files.replaced(folder / f"{name}.csv") as part:
        table.to_csv(part, index=False, float_format="%.6g")
    with files.replaced(folder / f"{name}.png") as part:
        figures.timeline(table, prediction.labels, title, part)
