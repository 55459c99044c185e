"""Whether there is a voice in a sound at all: a model of emotions answers music and noise as surely as speech.

Three rules, each with a limit that hardly any clip of acted speech passes (docs/unseen_speakers.md has the shares):
nothing is voiced; the level stays where it is; the pitch stays on one note, then on another.
"""

import functools

import numpy as np
import tensorflow as tf
from numpy.lib.stride_tricks import sliding_window_view

from keras_ser.dsp.descriptors import DESCRIPTORS, descriptors
from keras_ser.dsp.graph import LENGTHS, WAVEFORM, graph
from keras_ser.dsp.resample import resample

RATE = 16000  # Hz
HOP_LENGTH = 160
ACTIVE_DB, LEVEL_DB = 30.0, 40.0  # below the loudest frame: what counts as sound, and as level
LEVEL_FRAMES = 10  # 100 ms, over which the level is averaged
VOICING = 0.6  # correlation with itself one period later from which a frame is voiced
NOTE_FRAMES = 6  # 60 ms
NOTE = 10 / 1200  # octaves: a pitch that moves less in those frames stays on a note
LEAST_VOICED = 0.03  # of the frames with sound
LEAST_DEVIATION_DB = 0.6  # of the level
MOST_ON_NOTES = 0.45  # of the voiced pieces of NOTE_FRAMES

UNVOICED = "no speech: nothing in it is voiced"
STEADY = "no speech: a steady sound"
NOTES = "no speech: its pitch stays on notes"


@functools.cache
def _graph():
    def heard(waveform, lengths):
        return descriptors(waveform, sample_rate=RATE, hop_length=HOP_LENGTH, n_mels=1, lengths=lengths)[..., 1:]

    return graph(heard, WAVEFORM, LENGTHS)


def doubts(waveform, lengths, sample_rate):
    """Why each of the clips is no speech, "" where it may be. ``waveform`` [batch, samples] in [-1, 1], ``lengths``
    [batch]. → list of str
    """
    waveform, lengths = resample(waveform, orig_sr=sample_rate, target_sr=RATE, lengths=lengths)
    frames = _graph()(waveform, tf.cast(lengths, tf.int32)).numpy()  # [batch, frames, descriptors]
    counts = 1 + np.asarray(lengths) // HOP_LENGTH
    return [_doubt(clip[:count]) for clip, count in zip(frames, counts, strict=True)]


def _doubt(frames):
    """``frames`` [frames, descriptors] of one clip."""
    descriptors = dict(zip(DESCRIPTORS, frames.T, strict=True))
    level = descriptors["log_energy"] * (10 / np.log(10))
    active = level > level.max() - ACTIVE_DB
    voiced = (descriptors["voicing"] > VOICING) & active
    if voiced.sum() < LEAST_VOICED * active.sum():
        return UNVOICED
    smoothed = np.convolve(
        np.maximum(level, level.max() - LEVEL_DB), np.full(LEVEL_FRAMES, 1 / LEVEL_FRAMES), mode="valid"
    )
    if len(level) > 2 * LEVEL_FRAMES and smoothed.std() < LEAST_DEVIATION_DB:
        return STEADY
    if len(level) < NOTE_FRAMES:
        return ""
    moved = np.ptp(sliding_window_view(descriptors["log2_f0"], NOTE_FRAMES), axis=1)
    moved = moved[sliding_window_view(voiced, NOTE_FRAMES).all(axis=1)]
    return NOTES if len(moved) > LEVEL_FRAMES and (moved < NOTE).mean() > MOST_ON_NOTES else ""
