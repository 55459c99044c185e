import dataclasses

import numpy as np
import pandas as pd
import pytest

from keras_ser import audio, corpora
from keras_ser.data.features import padded
from keras_ser.serving import formats, inputs, predict, speech
from keras_ser.serving.predict import Predictor

RATE = 16000
SECONDS = np.arange(3 * RATE) / RATE


def melody(rng, n_notes):
    """Notes of half a second, so many at once, with overtones that fade."""
    out = np.zeros(len(SECONDS))
    for start in range(0, len(out), RATE // 2):
        t = SECONDS[: RATE // 2]
        for f0 in 220 * 2 ** (rng.integers(-6, 12, n_notes) / 12):
            tones = sum(np.sin(2 * np.pi * f0 * h * t) / h for h in range(1, 6))
            out[start : start + len(t)] += tones * np.exp(-3 * t)
    return 0.3 * out / np.abs(out).max()


def pink(rng):
    spectrum = np.fft.rfft(rng.normal(size=len(SECONDS)))
    y = np.fft.irfft(spectrum / np.sqrt(np.arange(1, len(spectrum) + 1)), len(SECONDS))
    return 0.2 * y / np.abs(y).max()


SOUNDS = {
    "silence": (lambda rng: np.zeros(len(SECONDS)), speech.UNVOICED),
    "white noise": (lambda rng: 0.1 * rng.normal(size=len(SECONDS)).clip(-3, 3), speech.UNVOICED),
    "faint noise": (lambda rng: 1e-4 * rng.normal(size=len(SECONDS)), speech.UNVOICED),
    "pink noise": (pink, speech.UNVOICED),
    "a tone": (lambda rng: 0.3 * np.sin(2 * np.pi * 220 * SECONDS), speech.STEADY),
    "hum of the mains": (
        lambda rng: sum(np.sin(2 * np.pi * 50 * h * SECONDS) / h for h in range(1, 8)) / 10,
        speech.STEADY,
    ),
    "a melody": (lambda rng: melody(rng, 1), speech.NOTES),
    "two voices of a melody": (lambda rng: melody(rng, 2), speech.NOTES),
}


@pytest.mark.slow
@pytest.mark.parametrize("rate", [RATE, 22050])
@pytest.mark.parametrize("name", SOUNDS)
def test_what_is_no_speech(name, rate, rng):
    make, why = SOUNDS[name]
    y = np.interp(np.arange(3 * rate) / rate, SECONDS, make(rng)) if rate != RATE else make(rng)
    assert speech.doubts(*padded([y.astype(np.float32)]), rate) == [why]


@pytest.mark.slow
def test_a_voice_is_speech_alone_and_in_a_batch(real_data, rng):
    for name in ("emodb", "tess", "ravdess"):
        paths = corpora.manifest(name, real_data)["path"]
        found = [audio.read(path) for path in paths[:: max(1, len(paths) // 20)]]
        rate = found[0][1]
        noise = 0.1 * rng.normal(size=rate)
        clips = [*(y for y, own in found if own == rate), noise.astype(np.float32)]
        together = speech.doubts(*padded(clips), rate)
        assert together == [""] * (len(clips) - 1) + [speech.UNVOICED]
        assert [speech.doubts(*padded([y]), rate)[0] for y in clips] == together


@pytest.fixture
def predictor():
    """Sure of everything."""
    sure = np.array([[0.9, 0.1]], np.float32)

    def answer(waveform, lengths):
        return np.repeat(sure, len(waveform), 0)

    return Predictor("a model", "", ("anger", "fear"), RATE, False, None, answer, needs_speech=True)


def voice(rng):
    """A pitch that glides, syllables that come and go."""
    f0 = 140 + 40 * np.sin(2 * np.pi * 0.9 * SECONDS) + 15 * np.sin(2 * np.pi * 5 * SECONDS)
    phase = 2 * np.pi * np.cumsum(f0) / RATE
    y = sum(np.sin(h * phase) / h for h in range(1, 9)) * (0.55 + 0.45 * np.sin(2 * np.pi * 3 * SECONDS))
    return (0.2 * y + 1e-3 * rng.normal(size=len(y))).astype(np.float32)


def test_there_is_no_answer_to_what_is_no_speech(predictor, rng):
    noise = (0.1 * rng.normal(size=len(SECONDS))).astype(np.float32)
    both = np.concatenate([voice(rng), noise])
    table = predictor.predict([voice(rng), noise], RATE)
    assert list(table["label"]) == ["anger", ""]
    np.testing.assert_allclose(table[["p_anger", "p_fear"]], [[0.9, 0.1], [0.5, 0.5]], rtol=1e-6)
    sounds = [inputs.Sound(y[:, None], RATE) for y in (voice(rng), noise, both)]
    spoken, silent, mixed = predict.predict(predictor, sounds, window_s=3.0, hop_s=3.0)
    assert (spoken.label, silent.label, mixed.label) == ("anger", "", "anger")
    assert (spoken.warnings, silent.warnings) == ((), (speech.UNVOICED,))
    assert mixed.warnings == (f"{speech.UNVOICED} (1 of 2 windows)",)
    np.testing.assert_allclose(mixed.probabilities, [0.9, 0.1], rtol=1e-6)
    assert formats.as_line(silent).startswith("no answer")
    assert formats.as_record(silent)["top"] == []
    assert list(formats.segments([mixed])["label"]) == ["anger", ""]
    assert ",,0.5,0.5," in formats.as_csv(silent)


def test_other_models_answer_as_before(predictor, rng):
    noise = (0.1 * rng.normal(size=RATE)).astype(np.float32)
    other = dataclasses.replace(predictor, needs_speech=False)
    pd.testing.assert_series_equal(other.predict(noise, RATE)["label"], pd.Series(["anger"], name="label"))
