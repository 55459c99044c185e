"""The graph beside librosa, noisereduce and Keras's own layer.

librosa and noisereduce go through the clips one by one, as the reports do, with as many threads as they take by
themselves. The graph, and a layer of Keras, get the clips in padded batches, those that training gets them in; building
the batches is not timed, neither is reading the files. The first call of each function traces it: that time stands in a
column of its own.
"""

import functools
from collections.abc import Callable
from dataclasses import dataclass

import keras
import numpy as np
import pandas as pd
import tensorflow as tf

from keras_ser import audio, librosa_reference
from keras_ser.benchmark.table import cells, machine, seconds, turn, write
from keras_ser.data import features
from keras_ser.data.features import padded
from keras_ser.dsp import cepstrum, decibel, denoise, effects, mel, resample, shape
from keras_ser.dsp.graph import LENGTHS, PARAMETER, WAVEFORM, graph
from keras_ser.dsp.spectrum import frame_mask
from keras_ser.progress import bar
from keras_ser.reports import crema_1d_2d, emodb_losses, spectral_features

SAMPLE_RATE = 16000  # of the clips, except where they are resampled
HIGH_RATE = 48000


@dataclass(frozen=True)
class Work:
    """One line of the table. ``value``: the strength of an effect, 0 to 1, the same for both."""

    name: str
    reference: str  # the library call, for the table
    one_clip: Callable | None  # (y [samples], value) → anything; None: the reference takes batches
    batch: Callable  # (waveform [batch, samples], lengths [batch], value [batch]) → tensors
    sample_rate: int = SAMPLE_RATE
    reference_batch: Callable | None = None  # as ``batch``


def _mel_db(waveform, lengths, value):
    power = mel.mel_spectrogram(waveform, sample_rate=SAMPLE_RATE, lengths=lengths)
    return decibel.power_to_db(power, mask=frame_mask(lengths, 512, tf.shape(power)[1]))


def _band_shapes(waveform, lengths, value):
    mel = {"sample_rate": HIGH_RATE, "n_fft": 16384, "hop_length": 720, "n_mels": 3401}
    options = {"bands": spectral_features.BANDS, "unit": "rows", "at_most": 200, "lengths": lengths}
    return [shape.band_shape(waveform, kind=kind, **mel, **options) for kind in spectral_features.KINDS]


def _works():
    front_end = emodb_losses.features()
    crema_1d, crema_2d = (crema_1d_2d.REPORT.experiment(name).front_end for name in ("cnn_1d/run_a", "cnn_2d/run_a"))
    keras_mel = keras.layers.MelSpectrogram(
        fft_length=2048, sequence_stride=512, sampling_rate=SAMPLE_RATE, num_mel_bins=128, power_to_db=True
    )
    stacked, mel_image = crema_1d.graph(), crema_2d.graph()
    return (
        Work(
            "MFCC",
            "librosa.feature.mfcc",
            lambda y, value: librosa_reference.mfcc(y, SAMPLE_RATE),
            lambda waveform, lengths, value: cepstrum.mfcc(waveform, sample_rate=SAMPLE_RATE, lengths=lengths),
        ),
        Work(
            "mel in dB",
            "librosa.feature.melspectrogram, power_to_db",
            lambda y, value: librosa_reference.mel_db(y, SAMPLE_RATE),
            _mel_db,
        ),
        Work(
            "mel in dB",
            "keras.layers.MelSpectrogram",
            None,
            _mel_db,
            reference_batch=lambda waveform, lengths, value: keras_mel(waveform),
        ),
        Work(
            "denoise",
            "noisereduce.reduce_noise",
            lambda y, value: librosa_reference.denoise(y, SAMPLE_RATE),
            lambda waveform, lengths, value: denoise.denoise(waveform, sample_rate=SAMPLE_RATE, lengths=lengths),
        ),
        Work(
            "time stretch, rate 0.8 to 1.2",
            "librosa.effects.time_stretch",
            lambda y, value: librosa_reference.time_stretch(y, 0.8 + 0.4 * value),
            lambda waveform, lengths, value: effects.time_stretch(waveform, 0.8 + 0.4 * value, lengths=lengths),
        ),
        Work(
            "pitch shift, ±3 semitones",
            "librosa.effects.pitch_shift",
            lambda y, value: librosa_reference.pitch_shift(y, SAMPLE_RATE, 6.0 * value - 3.0),
            lambda waveform, lengths, value: effects.pitch_shift(
                waveform, 6.0 * value - 3.0, sample_rate=SAMPLE_RATE, lengths=lengths
            ),
        ),
        Work(
            "resample, 48 to 16 kHz",
            "librosa.resample (soxr)",
            lambda y, value: librosa_reference.resample(y, HIGH_RATE, SAMPLE_RATE),
            lambda waveform, lengths, value: resample.resample(
                waveform, orig_sr=HIGH_RATE, target_sr=SAMPLE_RATE, lengths=lengths
            ),
            sample_rate=HIGH_RATE,
        ),
        Work(
            "front end of emodb_losses",
            "noisereduce and librosa",
            lambda y, value: emodb_losses.FRONT_END.reference(y, SAMPLE_RATE),
            lambda waveform, lengths, value: front_end([waveform, lengths]),
        ),
        Work(
            "816 features of crema_1d_2d",
            "librosa: zcr, rms, mfcc, centroid",
            lambda y, value: crema_1d.reference(y, SAMPLE_RATE),
            lambda waveform, lengths, value: stacked([waveform, lengths]),
        ),
        Work(
            "mel image of crema_1d_2d",
            "librosa.feature.melspectrogram, power_to_db",
            lambda y, value: crema_2d.reference(y, SAMPLE_RATE),
            lambda waveform, lengths, value: mel_image([waveform, lengths]),
        ),
        Work(
            "SC, SBW, SBE of spectral_features",
            "librosa: 3401 mel rows; NumPy",
            lambda y, value: librosa_reference.band_shapes(y, HIGH_RATE, bands=spectral_features.BANDS, unit="rows"),
            _band_shapes,
            sample_rate=HIGH_RATE,
        ),
    )


def run(paths, out_dir, *, corpus, rounds=5):
    """Time every piece of work on these clips; write benchmark.csv and benchmark.md in ``out_dir``.

    ``paths``: audio files of any rate. ``corpus``: what to call them. Each of ``rounds`` gives one ratio,
    reference / graph; the table has their median, least and greatest. → pd.DataFrame, one row a piece of work
    """
    clips = {SAMPLE_RATE: sorted((_load(path) for path in paths), key=len)}
    clips[HIGH_RATE] = [librosa_reference.resample(y, SAMPLE_RATE, HIGH_RATE) for y in clips[SAMPLE_RATE]]
    values = np.random.default_rng(0).random(len(paths), np.float32)
    works = _works()
    with bar(total=len(works) * rounds, desc="benchmark", unit="round") as progress:
        rows = [_time(work, clips[work.sample_rate], values, rounds, progress) for work in works]
    table = pd.DataFrame(rows)

    write(out_dir, "benchmark", table, _markdown(table, corpus, len(paths), rounds))
    return table


def _load(path):
    y, sample_rate = audio.read(path)
    return librosa_reference.resample(y, sample_rate, SAMPLE_RATE)


def _time(work, clips, values, rounds, progress):
    """One row of the table."""
    table = pd.DataFrame({"samples": [len(y) for y in clips], "rate": work.sample_rate, "transform": work.name})
    batches = [
        tuple(map(tf.constant, (*padded([clips[i] for i in step]), values[step]))) for step in features.batches(table)
    ]

    def one_by_one():
        for y, value in zip(clips, values, strict=True):
            work.one_clip(y, value)

    def in_batches(graph):
        for batch in batches:
            tf.nest.map_structure(np.asarray, graph(*batch))  # on a GPU, waits for the result

    by_graph = graph(work.batch, WAVEFORM, LENGTHS, PARAMETER)
    run_graph = functools.partial(in_batches, by_graph)
    run_reference = one_by_one
    if work.one_clip is None:
        run_reference = functools.partial(in_batches, graph(work.reference_batch, WAVEFORM, LENGTHS, PARAMETER))
    first_call_s = seconds(lambda: by_graph(*batches[0]))
    run_reference()  # librosa compiles and imports parts of itself when first used
    run_graph()
    times = np.empty((rounds, 2))
    for i in range(rounds):
        times[i] = turn(run_reference), turn(run_graph)
        progress.update()
    ratios = times[:, 0] / times[:, 1]
    reference_ms, graph_ms = np.median(times, axis=0) * 1e3 / len(clips)
    return {
        "work": work.name,
        "reference": work.reference,
        "reference_ms_per_clip": reference_ms,
        "graph_ms_per_clip": graph_ms,
        "ratio": np.median(ratios),
        "ratio_min": ratios.min(),
        "ratio_max": ratios.max(),
        "first_call_s": first_call_s,
    }


def _markdown(table, corpus, n_clips, rounds):
    return f"""# Speed

{n_clips} clips of {corpus}; {rounds} rounds, both in turn. `ratio` is the
median over the rounds of the time of the library, clip by clip (of `keras.layers`, in the same batches), to that of the
graph, with the least and the greatest: above 1, the graph is faster. Reading files is not timed; the first call, which
traces the function, stands on its own.

{cells(table)}

{machine()}
"""
