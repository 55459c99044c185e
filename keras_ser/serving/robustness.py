"""How a model answers clips when they are recorded badly.

In: a run and the recordings of its own test clips, or any model and a manifest. Out: one row per condition, scores of
the same clips.
Every condition is applied to the waveform at the model's rate; what is drawn (noise, other voices, where a cut begins)
is the same for the same clips.
"""

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy import signal

from keras_ser import audio
from keras_ser.data.augmentation import draw
from keras_ser.data.features import padded
from keras_ser.dsp.resample import resample
from keras_ser.errors import UserError
from keras_ser.progress import bar
from keras_ser.serving.chain import ANY_RATE, open_run, stored_clips
from keras_ser.serving.evaluate import in_common
from keras_ser.serving.predict import load
from keras_ser.training import metrics

BABBLE = 8  # voices
TELEPHONE_HZ = (300, 3400)
CUT_S = 0.5
MP3_RATE = 16000  # Hz
TOGETHER = 64  # clips answered at a time
SEED = 0  # of which clips are taken, and of what is drawn for each


class Scene(NamedTuple):
    """What a condition may draw on: ``rate`` in Hz, ``rng`` of the clip, ``others``: other speakers' waveforms."""

    rate: int
    rng: np.random.Generator
    others: list[np.ndarray]


def mixed(waveform, noise, snr_db):
    """``waveform`` [samples] with ``noise`` [samples], whose power is ``snr_db`` below."""
    power, of_noise = np.mean(np.square(waveform)), np.mean(np.square(noise))
    return waveform + noise * np.sqrt(power / max(of_noise, 1e-20) * 10 ** (-snr_db / 10))


def white_noise(waveform, scene, snr_db):
    return mixed(waveform, scene.rng.normal(size=len(waveform)), snr_db)


def voices(waveform, scene, count, snr_db):
    """``count`` of the others at once, each of the same power."""
    chosen = scene.rng.choice(len(scene.others), min(count, len(scene.others)), replace=False)
    sounds = [np.resize(scene.others[place], len(waveform)) for place in chosen]
    return mixed(waveform, sum(y / max(np.sqrt(np.mean(np.square(y))), 1e-10) for y in sounds), snr_db)


def telephone(waveform, scene):
    """A telephone's band, by a Butterworth filter of order 8."""
    return signal.sosfilt(signal.butter(8, TELEPHONE_HZ, "bandpass", fs=scene.rate, output="sos"), waveform)


def mp3(waveform, scene):
    """At 16 kHz and 32 kbit/s."""
    coded = audio.through_mp3(_at_rate(waveform, scene.rate, MP3_RATE))
    return _at_rate(coded, MP3_RATE, scene.rate)[: len(waveform)]


def gain(waveform, scene, gain_db):
    """Louder or quieter, and clipped at full scale."""
    return np.clip(waveform * 10 ** (gain_db / 20), -1, 1)


def cut(waveform, scene):
    """``CUT_S`` seconds from anywhere in the clip."""
    n_samples = round(CUT_S * scene.rate)
    start = scene.rng.integers(max(1, len(waveform) - n_samples + 1))
    return waveform[start : start + n_samples]


CONDITIONS: dict[str, Callable] = {
    "as recorded": lambda waveform, scene: waveform,
    **{f"white noise, {snr_db} dB": partial(white_noise, snr_db=snr_db) for snr_db in (20, 10, 0)},
    **{f"babble, {snr_db} dB": partial(voices, count=BABBLE, snr_db=snr_db) for snr_db in (20, 10, 0)},
    "a second speaker, 6 dB below": partial(voices, count=1, snr_db=6),
    "telephone band": telephone,
    "MP3, 32 kbit/s": mp3,
    "20 dB louder, clipped": partial(gain, gain_db=20),
    "20 dB quieter": partial(gain, gain_db=-20),
    "0.5 s of it": cut,
}


def of_run(folder, root):
    """The test clips of the run in ``folder`` whose recordings lie in the data root ``root``.

    An answer is among the classes that the run gave any probability: those of the clip's corpus, where a run knows that
    corpora have different ones. → arguments of :func:`measure`. Raises UserError where no test clip is there.
    """
    run = open_run(folder)
    clips = stored_clips(run, root)
    if clips.empty:
        raise UserError(f"{root}: no recording of a test clip of {folder} is there (--data DIR, or --corpus)")
    possible = clips[[f"p_{label}" for label in run.facts["labels"]]].to_numpy() > 0
    return load(folder), clips, possible


def of_manifest(predictor, manifest):
    """The clips of ``manifest`` of emotions that ``predictor`` knows, among which it answers. → arguments of
    :func:`measure`. Raises UserError where they have fewer than two in common.
    """
    clips, _ = in_common(predictor, manifest)
    present = np.isin(predictor.labels, clips["emotion"].unique())
    return predictor, clips.rename(columns={"emotion": "true"}), np.tile(present, (len(clips), 1))


def measure(predictor, clips, possible, *, n_clips):
    """Scores on ``n_clips`` of the ``clips`` (``clip, path, speaker, true``) under each of ``CONDITIONS``, the answers
    among the ``possible`` classes, bool [clips, classes]. → DataFrame ``condition, clips, speakers, accuracy, uar``.

    Raises UserError where the clips are of one speaker alone.
    """
    if clips["speaker"].nunique() < 2:
        raise UserError("clips of two speakers at least are needed: some conditions mix them")
    order = np.argsort([draw(SEED, clip, 0, "robustness", 0, 1) for clip in clips["clip"]])[:n_clips]
    clips, possible = clips.iloc[order].reset_index(drop=True), possible[order]
    sample_rate = predictor.sample_rate or ANY_RATE
    waveforms = [_at_rate(y, rate, sample_rate) for y, rate in audio.read_many(clips["path"])]
    true = metrics.indices(clips["true"], predictor.labels)
    speaker = clips["speaker"].to_numpy()
    rows = []
    for name, condition in bar(CONDITIONS.items(), desc="robustness", unit="condition"):
        altered = []
        for place, waveform in enumerate(waveforms):
            rng = np.random.default_rng([SEED, place])
            others = [waveforms[other] for other in np.flatnonzero(speaker != speaker[place])]
            altered.append(condition(waveform, Scene(sample_rate, rng, others)).astype(np.float32))
        answers = np.where(possible, _answers(predictor, altered), -1).argmax(axis=1)
        scores = metrics.scores(true, answers)
        row = {"condition": name, "clips": len(clips), "speakers": clips["speaker"].nunique()}
        rows.append({**row, "accuracy": scores["accuracy"], "uar": scores["uar"]})
    return pd.DataFrame(rows)


def _at_rate(waveform, rate, sample_rate):
    resampled, _ = resample(waveform[None].astype(np.float32), orig_sr=rate, target_sr=sample_rate)
    return resampled.numpy()[0]


def _answers(predictor, waveforms):
    """→ probabilities [clips, classes], clips of like length together"""
    order = np.argsort([len(y) for y in waveforms], kind="stable")
    out = np.zeros((len(waveforms), len(predictor.labels)), np.float32)
    for start in range(0, len(order), TOGETHER):
        rows = order[start : start + TOGETHER]
        out[rows] = predictor.answer(*padded([waveforms[row] for row in rows]))
    return out
