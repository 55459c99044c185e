"""How fast the graph is beside the libraries that it replaces, and training beside the reports' listings: recordings
in, tables out.

Both sides work on the same clips, in the same process, taking turns; what counts is the ratio of a turn to
the turn beside it, which a busy machine disturbs less than the times. librosa and noisereduce go through the
clips one by one, as the reports do, with as many threads as they take by themselves. The graph gets the
clips in order of length, in padded batches, so that little of a batch is padding; building the batches is
not timed, neither is reading the files. The first call of each function traces it: that time stands in a
column of its own.
"""

import os
import platform
import time
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import keras
import numpy as np
import pandas as pd
import tensorflow as tf
from tqdm import tqdm

from keras_ser import audio, reference, training
from keras_ser.dsp import cepstrum, decibel, denoise, effects, mel, resample
from keras_ser.dsp.spectrum import frame_mask
from keras_ser.models.columns import ColumnConv2D, ColumnMaxPooling2D, FoldedTimeDistributed
from keras_ser.reports import emodb_losses, tess_mfcc

SAMPLE_RATE = 16000  # of the clips, except where they are resampled
HIGH_RATE = 48000
SETTLE_S = 0.1  # BLAS threads wait busily for more work after a call, and would slow down what is timed next


@dataclass(frozen=True)
class Work:
    """One line of the table. ``value``: the strength of an effect, 0 to 1, the same for both sides."""

    name: str
    reference: str  # the library call, for the table
    one_clip: Callable  # (y [samples], value) → anything
    batch: Callable  # (waveform [batch, samples], lengths [batch], value [batch]) → tensors
    target: float | None  # least ratio that the design asks for
    sample_rate: int = SAMPLE_RATE


def _mel_db(waveform, lengths, value):
    power = mel.mel_spectrogram(waveform, sample_rate=SAMPLE_RATE, lengths=lengths)
    return decibel.power_to_db(power, mask=frame_mask(lengths, 512, tf.shape(power)[1]))


def _works():
    front_end = emodb_losses.features()
    return (
        Work(
            "MFCC",
            "librosa.feature.mfcc",
            lambda y, value: reference.mfcc(y, SAMPLE_RATE),
            lambda waveform, lengths, value: cepstrum.mfcc(waveform, sample_rate=SAMPLE_RATE, lengths=lengths),
            target=5,
        ),
        Work(
            "mel in dB",
            "librosa.feature.melspectrogram, power_to_db",
            lambda y, value: reference.mel_db(y, SAMPLE_RATE),
            _mel_db,
            target=5,
        ),
        Work(
            "denoise",
            "noisereduce.reduce_noise",
            lambda y, value: reference.denoise(y, SAMPLE_RATE),
            lambda waveform, lengths, value: denoise.denoise(waveform, sample_rate=SAMPLE_RATE, lengths=lengths),
            target=8,
        ),
        Work(
            "time stretch, rate 0.8 to 1.2",
            "librosa.effects.time_stretch",
            lambda y, value: reference.time_stretch(y, 0.8 + 0.4 * value),
            lambda waveform, lengths, value: effects.time_stretch(waveform, 0.8 + 0.4 * value, lengths=lengths),
            target=3,
        ),
        Work(
            "pitch shift, ±3 semitones",
            "librosa.effects.pitch_shift",
            lambda y, value: reference.pitch_shift(y, SAMPLE_RATE, 6.0 * value - 3.0),
            lambda waveform, lengths, value: effects.pitch_shift(
                waveform, 6.0 * value - 3.0, sample_rate=SAMPLE_RATE, lengths=lengths
            ),
            target=3,
        ),
        Work(
            "resample, 48 to 16 kHz",
            "librosa.resample (soxr)",
            lambda y, value: reference.resample(y, HIGH_RATE, SAMPLE_RATE),
            lambda waveform, lengths, value: resample.resample(
                waveform, orig_sr=HIGH_RATE, target_sr=SAMPLE_RATE, lengths=lengths
            ),
            target=None,
            sample_rate=HIGH_RATE,
        ),
        Work(
            "front end of emodb_losses",
            "noisereduce and librosa",
            lambda y, value: reference.emodb_features(y, SAMPLE_RATE),
            lambda waveform, lengths, value: front_end([waveform, lengths]),
            target=None,
        ),
    )


def run(paths, out_dir, *, corpus, rounds=5, batch_size=32):
    """Time every piece of work on these clips; write benchmark.csv and benchmark.md in ``out_dir``.

    ``paths``: audio files of any rate. ``corpus``: what to call them. Each of ``rounds`` gives one ratio,
    reference / ours; the table has their median, least and greatest. ``target`` is the design's least ratio,
    where it states one. → pd.DataFrame, one row a piece of work
    """
    clips = {SAMPLE_RATE: sorted((_load(path) for path in paths), key=len)}
    clips[HIGH_RATE] = [reference.resample(y, SAMPLE_RATE, HIGH_RATE) for y in clips[SAMPLE_RATE]]
    values = np.random.default_rng(0).random(len(paths), np.float32)
    works = _works()
    with tqdm(total=len(works) * rounds, desc="benchmark", unit="round", disable=None) as progress:
        rows = [_time(work, clips[work.sample_rate], values, rounds, batch_size, progress) for work in works]
    table = pd.DataFrame(rows)

    _write(out_dir, "benchmark", table, _markdown(table, corpus, len(paths), rounds, batch_size))
    return table


def _write(out_dir, name, table, text):
    out_dir = Path(out_dir)
    out_dir.mkdir(parents=True, exist_ok=True)
    table.to_csv(out_dir / f"{name}.csv", index=False, float_format="%.4g")
    (out_dir / f"{name}.md").write_text(text, encoding="utf-8")


def run_training(paths, out_dir, *, corpus, rounds=5):
    """Time an epoch of training as the reports' listings do it and as it is done here; write training.csv and
    training.md in ``out_dir``.

    ``paths``: clips for the TESS report, whose generator reads files and computes MFCC in each epoch anew; the
    CNN-LSTM of the Emo-DB report is fitted to as many arrays of noise. → pd.DataFrame, one row a model
    """
    classes = np.arange(len(paths)) % 7
    rng = np.random.default_rng(0)
    experiment = emodb_losses.REPORT.experiment("cnn_lstm/categorical_crossentropy")
    picture = rng.normal(size=(len(paths), 13, 150)).astype(np.float32)
    works = [("emodb_losses cnn_lstm", "TimeDistributed, fit on arrays", experiment, picture, None)]
    for name in ("cnn", "lstm", "cnn_lstm"):
        experiment = tess_mfcc.REPORT.experiment(name)
        features = np.stack([_by_librosa(path, experiment) for path in paths])
        works.append((f"tess_mfcc {name}", "Python generator, librosa", experiment, features, paths))
    with tqdm(total=len(works) * rounds, desc="training", unit="round", disable=None) as progress:
        rows = [_time_training(*work, classes, rounds, progress) for work in works]
    table = pd.DataFrame(rows)
    _write(out_dir, "training", table, _training_markdown(table, corpus, len(paths), rounds))
    return table


def _by_librosa(path, experiment):
    return experiment.front_end.reference(*audio.read(path))


class FileGenerator(keras.utils.PyDataset):
    """Batches as the TESS report's generators give them: files read and MFCC computed when they are asked for."""

    def __init__(self, paths, one_hot, experiment):
        super().__init__()
        self.paths, self.one_hot, self.experiment = paths, one_hot, experiment

    def __len__(self):
        return -(-len(self.paths) // self.experiment.training.batch_size)

    def __getitem__(self, index):
        size = self.experiment.training.batch_size
        rows = slice(index * size, (index + 1) * size)
        features = np.stack([_by_librosa(path, self.experiment) for path in self.paths[rows]])
        return (features - features.mean()) / features.std(), self.one_hot[rows]


def as_listed(model):
    """The model with Keras's own layers in place of those of ``keras_ser.models.columns``."""
    plain = {ColumnConv2D: keras.layers.Conv2D, ColumnMaxPooling2D: keras.layers.MaxPooling2D}

    def layer_of_keras(layer):
        if isinstance(layer, FoldedTimeDistributed):
            return keras.layers.TimeDistributed(layer_of_keras(layer.layer))
        return plain.get(type(layer), type(layer)).from_config(layer.get_config())

    return keras.models.clone_model(model, clone_function=layer_of_keras)


def _time_training(name, listing, experiment, features, paths, classes, rounds, progress):
    """One row of the table. ``paths`` None: the listing is fitted to the arrays."""
    one_hot = keras.utils.to_categorical(classes, 7)
    model = experiment.model(7)
    listed = as_listed(model)
    features = features.reshape(-1, *model.input_shape[1:])
    data = {
        listed: FileGenerator(paths, one_hot, experiment) if paths else (features, one_hot),
        model: training.dataset(features, classes, 7, experiment.training.batch_size, shuffle_seed=0),
    }

    def epoch(of):
        arrays = {"batch_size": experiment.training.batch_size} if isinstance(data[of], tuple) else {}
        x, y = data[of] if isinstance(data[of], tuple) else (data[of], None)
        return _seconds(lambda: of.fit(x, y, verbose=0, **arrays))

    first = []
    for of in data:
        of.compile(optimizer=experiment.training.optimizer, loss=experiment.loss)
        first.append(epoch(of))
    times = np.empty((rounds, 2))
    for i in range(rounds):
        times[i] = epoch(listed), epoch(model)
        progress.update()
    ratios = times[:, 0] / times[:, 1]
    steps = -(-len(classes) // experiment.training.batch_size)
    listing_ms, ours_ms = np.median(times, axis=0) * 1e3 / steps
    return {
        "model": name,
        "listing": listing,
        "listing_ms_per_step": listing_ms,
        "ours_ms_per_step": ours_ms,
        "ratio": np.median(ratios),
        "ratio_min": ratios.min(),
        "ratio_max": ratios.max(),
        "listing_first_epoch_s": first[0],
        "ours_first_epoch_s": first[1],
    }


def _load(path):
    y, sample_rate = audio.read(path)
    return reference.resample(y, sample_rate, SAMPLE_RATE)


def _time(work, clips, values, rounds, batch_size, progress):
    """One row of the table."""
    batches = [_batch(clips[i : i + batch_size], values[i : i + batch_size]) for i in range(0, len(clips), batch_size)]
    ours = tf.function(
        work.batch,
        autograph=False,  # which cannot read lambdas, and has nothing to convert
        input_signature=[
            tf.TensorSpec([None, None], tf.float32),
            tf.TensorSpec([None], tf.int32),
            tf.TensorSpec([None], tf.float32),
        ],
    )

    def run_reference():
        for y, value in zip(clips, values, strict=True):
            work.one_clip(y, value)

    def run_ours():
        for batch in batches:
            tf.nest.map_structure(np.asarray, ours(*batch))  # on a GPU, waits for the result

    first_call_s = _seconds(lambda: ours(*batches[0]))
    work.one_clip(clips[0], values[0])  # librosa compiles and imports parts of itself when first used
    run_ours()
    times = np.empty((rounds, 2))
    for i in range(rounds):
        times[i] = _seconds(run_reference), _seconds(run_ours)
        progress.update()
    ratios = times[:, 0] / times[:, 1]
    reference_ms, ours_ms = np.median(times, axis=0) * 1e3 / len(clips)
    ratio = np.median(ratios)
    return {
        "work": work.name,
        "reference": work.reference,
        "reference_ms_per_clip": reference_ms,
        "ours_ms_per_clip": ours_ms,
        "ratio": ratio,
        "ratio_min": ratios.min(),
        "ratio_max": ratios.max(),
        "target": work.target,
        "met": None if work.target is None else bool(ratio >= work.target),
        "first_call_s": first_call_s,
    }


def _batch(clips, values):
    lengths = np.array([len(y) for y in clips], np.int32)
    waveform = np.zeros((len(clips), lengths.max()), np.float32)
    for row, y in zip(waveform, clips, strict=True):
        row[: len(y)] = y
    return tf.constant(waveform), tf.constant(lengths), tf.constant(values)


def _seconds(function):
    time.sleep(SETTLE_S)
    start = time.perf_counter()
    function()
    return time.perf_counter() - start


def _markdown(table, corpus, n_clips, rounds, batch_size):
    return f"""# Speed

{n_clips} clips of {corpus}; batches of {batch_size}; {rounds} rounds, both sides in turn. `ratio` is the
median over the rounds of the time of the library, clip by clip, to ours, with the least and the greatest;
`target` is what the design asks for. Reading files is not timed; the first call, which traces the function,
stands on its own.

{_cells(table)}

{_machine()}
"""


def _training_markdown(table, corpus, n_clips, rounds):
    return f"""# Speed of training

A training step of batches of 32, from epochs of {n_clips} examples: {rounds} rounds, both sides in turn. Left the model
and the input as a report lists them, right as they are trained here: features computed once, batches by tf.data, the
one-column convolutions of the Emo-DB report folded. The generator of the TESS report reads its files ({corpus}) and
computes MFCC by librosa in every epoch. `ratio` is the median over the rounds, with the least and the greatest.

{_cells(table)}

{_machine()}
"""


def _cells(table):
    return table.astype(object).where(table.notna(), None).to_markdown(index=False, floatfmt=".3g")


def _machine():
    """What it was measured on."""
    versions = ", ".join(f"{name} {version(name)}" for name in ("tensorflow", "librosa", "noisereduce", "numpy"))
    gpus = len(tf.config.list_physical_devices("GPU"))
    machine = f"{os.cpu_count()} CPU cores ({platform.machine()}), {gpus} GPU"
    return f"{machine}; Python {platform.python_version()}, {versions}."
