"""Clips to look at, as arrays: of each class the clip of median length, and what a figure shows of it.

In: a manifest, or a waveform float32 [samples] and its rate in hertz. Opens the recordings; draws nothing. A
*spectrogram* is seconds [frames], hertz [bins] and dB below the clip's maximum [bins, frames].
"""

from dataclasses import dataclass

import keras
import numpy as np

from keras_ser import audio, reports
from keras_ser.analysis import DB_RANGE
from keras_ser.dsp.cepstrum import mfcc
from keras_ser.dsp.decibel import power_to_db
from keras_ser.dsp.mel import mel_spectrogram
from keras_ser.dsp.resample import resample
from keras_ser.dsp.spectrum import stft


@dataclass(frozen=True)
class Example:
    """One clip. ``waveform``: float32 [samples] at ``rate`` hertz."""

    clip: str
    label: str
    speaker: str
    waveform: np.ndarray
    rate: int

    @property
    def seconds(self):
        return len(self.waveform) / self.rate


def of_each_class(manifest, labels):
    """Of each of ``labels`` that the manifest has: its clip of median length in seconds, of several as long the one
    whose name is in the middle. → list of Example
    """
    manifest = manifest.assign(seconds=manifest["samples"] / manifest["rate"])
    chosen = []
    for label in labels:
        clips = manifest[manifest["emotion"] == label].sort_values(["seconds", "clip"])
        if len(clips):
            clip = clips.iloc[len(clips) // 2]
            chosen.append(Example(clip["clip"], label, clip["speaker"], *audio.read(clip["path"])))
    return chosen


def first_and_last_speaker(manifest):
    """The manifest's first speaker and its last: → list of one or two manifests"""
    speakers = sorted(manifest["speaker"].unique())
    return [manifest[manifest["speaker"] == speaker] for speaker in dict.fromkeys((speakers[0], speakers[-1]))]


def described(manifest, labels):
    """The clips of :func:`of_each_class` with what their waveforms do not show.

    → (list of (Example, spectrogram, cepstrum [19, frames]), below which magnitude 99 % of the coefficients of all lie)
    """
    shown = [
        (example, spectrogram(example.waveform, example.rate), cepstrum(example.waveform, example.rate))
        for example in of_each_class(manifest, labels)
    ]
    coefficients = np.concatenate([abs(of_clip).ravel() for *_, of_clip in shown])
    return shown, np.quantile(coefficients, 0.99)


def in_images(manifest, labels):
    """Of the first speaker and of the last a clip of each class, with what :func:`mel_images` gives of it.

    → dict label → list of (Example, dB, grey levels, seconds) per speaker, None where a speaker has no such clip
    """
    chosen = [of_each_class(part, labels) for part in first_and_last_speaker(manifest)]
    by_speaker = [
        {example.label: (example, *image) for example, image in zip(part, mel_images(part), strict=True)}
        for part in chosen
    ]
    present = [label for label in labels if (manifest["emotion"] == label).any()]
    return {label: [of_speaker.get(label) for of_speaker in by_speaker] for label in present}


def chirp(rate=22050, seconds=2.0, low=110, high=7040):
    """A tone that rises from ``low`` to ``high`` hertz by octaves. → float32 [samples], rate"""
    time = np.arange(int(rate * seconds)) / rate
    growth = (high / low) ** (1 / seconds)
    return np.sin(2 * np.pi * low * (growth**time - 1) / np.log(growth)).astype(np.float32), rate


def spectrogram(waveform, rate, n_fft=1024, hop_length=128):
    """→ a spectrogram"""
    power = np.abs(stft(waveform[None], n_fft=n_fft, hop_length=hop_length).numpy()) ** 2  # [1, frames, bins]
    db = power_to_db(power, ref="max", top_db=DB_RANGE).numpy()[0].T
    return np.arange(db.shape[1]) * hop_length / rate, np.arange(db.shape[0]) * rate / n_fft, db


def mel_bands(waveform, rate):
    """Mel spectrogram in dB below the maximum. → [128 mel bands, frames]"""
    return power_to_db(mel_spectrogram(waveform[None], sample_rate=rate), ref="max", top_db=DB_RANGE).numpy()[0].T


def cepstrum(waveform, rate):
    """MFCC 1 to 19: without the first, the level, which would drown the others. → [19, frames]"""
    return mfcc(waveform[None], sample_rate=rate).numpy()[0].T[1:]


def mel_images(chosen):
    """What the 2D CNN of ``spectral_features`` gets of examples before it is resized, by the layers of its front end.

    → iterator of (dB below the maximum, grey levels 0 to 255, each [3401 mel bands, 200 frames], their seconds)
    """
    front_end = reports.load("spectral_features").experiment("cnn_2d").front_end
    graph = front_end.graph()
    frames, grey = graph.get_layer("fix_frames"), graph.get_layer("png")
    layers = keras.Model(graph.inputs, [frames.output, grey.output])
    for example in chosen:
        waveform = resample(example.waveform[None], orig_sr=example.rate, target_sr=front_end.sample_rate)
        magnitude, levels = layers(waveform)  # [1, frames, mel bands], [1, mel bands, frames, 1]
        db = power_to_db(magnitude**2, ref="max", top_db=DB_RANGE).numpy()[0].T
        yield db, levels.numpy()[0, ..., 0], frames.n_frames * frames.hop_length / front_end.sample_rate
