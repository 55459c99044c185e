"""How a model answers clips when they are recorded badly.

In: a run and the recordings of its own test clips, or any model and a manifest. Out: one row per condition, scores of
the same clips.
Every condition is applied to the waveform at the model's rate, or at its own where the model takes that; what is drawn
for a clip (noise, other voices, where a cut begins) depends on the seed, its name and the voices that there are, not on
how many of the clips are taken. A recording that cannot be used is skipped, with a warning.
"""

import itertools
from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy import signal

from keras_ser import audio, reports
from keras_ser.data.augmentation import draw
from keras_ser.data.features import padded
from keras_ser.dsp.resample import resample
from keras_ser.errors import UserError
from keras_ser.progress import bar, log
from keras_ser.serving.chain import open_run, stored_clips
from keras_ser.serving.evaluate import OF_SYNTHETIC, in_common, n_speakers
from keras_ser.serving.predict import load
from keras_ser.training import metrics

BABBLE = 8  # voices
TELEPHONE_HZ = (300, 3400)
CUT_S = 0.5
MP3_RATE = 16000  # Hz
TOGETHER = 64  # clips at hand at a time, with their voices
SEED = 0  # of which clips are taken, and of what is drawn for each


class Scene(NamedTuple):
    """What a condition may draw on: ``rate`` in Hz, ``rng`` of the clip, ``others``: waveforms of other speakers, drawn
    for the clip, at its rate.
    """

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
    """The first ``count`` of the others at once, each of the same power."""
    sounds = [np.resize(y, len(waveform)) for y in scene.others[:count]]
    return mixed(waveform, sum(y / max(np.sqrt(np.mean(np.square(y))), 1e-10) for y in sounds), snr_db)


def telephone(waveform, scene):
    """A telephone's band, by a Butterworth filter of order 8; a rate may have nothing above the band."""
    low, high = TELEPHONE_HZ
    band = ((low, high), "bandpass") if high < scene.rate / 2 else (low, "highpass")
    return signal.sosfilt(signal.butter(8, *band, fs=scene.rate, output="sos"), waveform)


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
    "0.5 s excerpt": cut,
}


def of_run(folder, root):
    """The test clips of the run in ``folder`` whose recordings lie in the data root ``root``.

    Where its report knows that corpora have different classes, an answer is among those of the clip's corpus. →
    arguments of :func:`measure`. Raises UserError where no test clip is there.
    """
    run = open_run(folder)
    clips = stored_clips(run, root)
    if clips.empty:
        raise UserError(f"{root}: no recording of a test clip of {folder} is there (--data DIR, or --corpus)")
    if run.facts["synthetic"]:
        log.warning(OF_SYNTHETIC)
    possible = np.ones((len(clips), len(run.facts["labels"])), bool)
    if reports.load(run.facts["report"]).classes_by_corpus:
        # Others got no probability in any clip of the corpus; of a single clip a 0 may be a very small number.
        columns = [f"p_{label}" for label in run.facts["labels"]]
        possible = (clips[columns] > 0).groupby(clips["corpus"]).transform("any").to_numpy()
    return load(folder), clips, possible


def of_manifest(predictor, manifest):
    """The clips of ``manifest`` of emotions that ``predictor`` knows, among which it answers. → arguments of
    :func:`measure`. Raises UserError where they have fewer than two in common.
    """
    clips, _ = in_common(predictor, manifest)
    if clips["synthetic"].any():
        log.warning(OF_SYNTHETIC)
    present = np.isin(predictor.labels, clips["emotion"].unique())
    return predictor, clips.rename(columns={"emotion": "true"}), np.tile(present, (len(clips), 1))


def measure(predictor, clips, possible, *, n_clips):
    """Scores on ``n_clips`` of the ``clips`` (``clip, path, speaker, true``) under each of ``CONDITIONS``, the answers
    among the ``possible`` classes, bool [clips, classes]. → DataFrame ``condition, clips, speakers, accuracy, uar``.

    Raises UserError where fewer than two speakers of the clips are known, or none can be used.
    """
    if (known := n_speakers(clips)) < 2:
        raise UserError(f"clips of two known speakers at least are needed, not of {known}: some conditions mix them")
    order = np.argsort([draw(SEED, clip, 0, "robustness", 0, 1) for clip in clips["clip"]])[:n_clips]
    sounds = _sounds(predictor, clips.reset_index(drop=True), order)
    answered = {name: [] for name in CONDITIONS}  # name → [(places, probabilities [clips, classes]), …]
    with bar(total=len(order), desc="robustness", unit="clip") as progress:
        while together := list(itertools.islice(sounds, TOGETHER)):
            places = [place for place, *_ in together]
            for name, condition in CONDITIONS.items():
                altered = [
                    condition(y, Scene(rate, _rng(clips["clip"].iloc[place], "drawn"), others)).astype(np.float32)
                    for place, y, rate, others in together
                ]
                answered[name].append((places, np.asarray(predictor.answer(*padded(altered)))))
            progress.update(len(together))
    if not any(answered.values()):
        raise UserError("no recording is there that can be used")
    rows = []
    for name, parts in answered.items():
        places = np.concatenate([places for places, _ in parts])
        answers = np.where(possible[places], np.concatenate([of_part for _, of_part in parts]), -1).argmax(axis=1)
        used = clips.iloc[places]
        scores = metrics.scores(metrics.indices(used["true"], predictor.labels), answers)
        row = {"condition": name, "clips": len(used), "speakers": n_speakers(used)}
        rows.append({**row, "accuracy": scores["accuracy"], "uar": scores["uar"]})
    return pd.DataFrame(rows)


def _sounds(predictor, clips, order):
    """The clips at the places ``order`` that can be used. → iterator of (place, waveform, rate, others): as of
    :class:`Scene`, ``others`` up to ``BABBLE`` of all ``clips``
    """
    unusable = set()  # paths that were warned of: a voice may be drawn for several clips

    def read(place, target=None):
        """Waveform and rate, None where it cannot be used."""
        path = clips.at[place, "path"]
        try:
            y, rate = audio.read(path, first_channel=predictor.first_channel)
        except UserError as error:
            if path not in unusable:
                log.warning("skipped: %s", error)
            unusable.add(path)
            return None
        target = target or predictor.sample_rate or rate
        return _at_rate(y, rate, target), target

    names = clips.sort_values("clip", kind="stable")
    others_of = {speaker: names.index[names["speaker"] != speaker].to_numpy() for speaker in set(clips["speaker"])}
    for place in order:
        if (sound := read(place)) is None:
            continue
        y, rate = sound
        drawn = _rng(clips.at[place, "clip"], "voices").permutation(others_of[clips.at[place, "speaker"]])
        voices_read = (read(other, rate) for other in drawn)
        others = [voice for voice, _ in itertools.islice(filter(None, voices_read), BABBLE)]
        if others:
            yield place, y, rate, others


def _rng(clip, what):
    """A generator that depends on nothing but the clip's name and what is drawn."""
    return np.random.default_rng(int(draw(SEED, clip, 0, what, 0, 2**53)))


def _at_rate(waveform, rate, sample_rate):
    resampled, _ = resample(waveform[None].astype(np.float32), orig_sr=rate, target_sr=sample_rate)
    return resampled.numpy()[0]
