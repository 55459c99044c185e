"""Clips to look at."""

import numpy as np
import pandas as pd
import scipy.signal

from keras_ser import audio
from keras_ser.analysis import examples


def test_the_clip_of_median_length_is_taken(tmp_path):
    rows = []
    for label, n_samples in (("a", 400), ("a", 800), ("a", 600), ("b", 500)):
        path = tmp_path / f"{label}{n_samples}.wav"
        audio.write(path, np.zeros(n_samples, np.float32), 8000)
        clip = {"clip": path.stem, "path": path, "emotion": label, "speaker": "1", "samples": n_samples}
        rows.append(clip)
    found = examples.of_each_class(pd.DataFrame(rows), ("b", "c", "a"))
    assert [(example.label, example.clip) for example in found] == [("b", "b500"), ("a", "a600")]
    assert found[1].seconds == 600 / 8000


def test_of_many_as_long_the_same_is_taken_in_whatever_order_they_come(tmp_path, rng):
    audio.write(tmp_path / "x.wav", np.zeros(500, np.float32), 8000)
    rows = [(f"a{number:03}", tmp_path / "x.wav", "a", "1", 500) for number in range(101)]
    manifest = pd.DataFrame(rows, columns=["clip", "path", "emotion", "speaker", "samples"])
    for order in (np.arange(101), rng.permutation(101), rng.permutation(101)):
        (found,) = examples.of_each_class(manifest.iloc[order], ["a"])
        assert found.clip == "a050"


def test_first_and_last_speaker_may_be_one():
    manifest = pd.DataFrame({"speaker": ["2", "3", "1"]})
    assert [part["speaker"].to_list() for part in examples.first_and_last_speaker(manifest)] == [["1"], ["3"]]
    assert len(examples.first_and_last_speaker(manifest[:1])) == 1


def test_the_chirp_is_scipys():
    found, rate = examples.chirp()
    expected = scipy.signal.chirp(np.arange(2 * rate) / rate, 110, 2.0, 7040, method="logarithmic", phi=-90)
    np.testing.assert_allclose(found, expected, atol=1e-4)


def test_decibels_stay_in_their_range(rng):
    waveform = rng.normal(0, 0.1, 8000).astype(np.float32)
    waveform[4000:] = 0
    time, frequency, db = examples.spectrogram(waveform, 16000)
    assert db.shape == (len(frequency), len(time))
    assert (db.max(), db.min()) == (0, -examples.DB_RANGE)
    assert frequency[-1] == 8000
    db, grey, step = examples.mel_image(waveform, 16000, n_mels=64)
    assert db.shape == grey.shape == (64, 34)
    assert (grey.min(), grey.max(), step) == (0, 255, 0.015)
    assert examples.cepstrum(waveform, 16000).shape[0] == 19
