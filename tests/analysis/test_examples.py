"""Clips to look at."""

import keras
import numpy as np
import pandas as pd
import pytest
import scipy.signal

from keras_ser import audio, reports
from keras_ser.analysis import examples
from keras_ser.analysis.examples import Example
from keras_ser.dsp.resample import resample


def test_the_clip_of_median_length_is_taken(tmp_path):
    rows = []
    for label, n_samples in (("a", 400), ("a", 800), ("a", 600), ("b", 500)):
        path = tmp_path / f"{label}{n_samples}.wav"
        audio.write(path, np.zeros(n_samples, np.float32), 8000)
        clip = {"clip": path.stem, "path": path, "emotion": label, "speaker": "1", "samples": n_samples, "rate": 8000}
        rows.append(clip)
    found = examples.of_each_class(pd.DataFrame(rows), ("b", "c", "a"))
    assert [(example.label, example.clip) for example in found] == [("b", "b500"), ("a", "a600")]
    assert found[1].seconds == 600 / 8000


def test_the_median_is_one_of_seconds_where_corpora_have_other_rates(tmp_path):
    rows = []
    for n_samples, rate in ((1200, 48000), (400, 8000), (600, 8000)):
        path = tmp_path / f"{n_samples}.wav"
        audio.write(path, np.zeros(n_samples, np.float32), rate)
        rows.append((path.stem, path, "a", "1", n_samples, rate))
    manifest = pd.DataFrame(rows, columns=["clip", "path", "emotion", "speaker", "samples", "rate"])
    (found,) = examples.of_each_class(manifest, ["a"])
    assert (found.clip, found.seconds) == ("400", 0.05)


def test_of_many_as_long_the_same_is_taken_in_whatever_order_they_come(tmp_path, rng):
    audio.write(tmp_path / "x.wav", np.zeros(500, np.float32), 8000)
    rows = [(f"a{number:03}", tmp_path / "x.wav", "a", "1", 500, 8000) for number in range(101)]
    manifest = pd.DataFrame(rows, columns=["clip", "path", "emotion", "speaker", "samples", "rate"])
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
    assert examples.cepstrum(waveform, 16000).shape[0] == 19


@pytest.mark.slow
def test_the_image_resized_is_what_the_2d_cnn_gets(rng):
    """Of a short clip too, which is padded before its grey levels are scaled, and of one at another rate."""
    chosen = [
        Example("x", "anger", "1", rng.normal(0, 0.1, n).astype(np.float32), rate)
        for n, rate in ((48000, 48000), (24000, 16000))
    ]
    front_end = reports.load("spectral_features").experiment("cnn_2d").front_end
    graph = front_end.graph()
    for example, (db, grey, seconds) in zip(chosen, examples.mel_images(chosen), strict=True):
        waveform = resample(example.waveform[None], orig_sr=example.rate, target_sr=front_end.sample_rate)
        expected = graph(waveform)[0]
        small = keras.layers.Resizing(150, 50, antialias=True)(grey[..., None])
        np.testing.assert_allclose(small / 127.5 - 1, expected, atol=1e-5)
        assert db.shape == grey.shape == (3401, 200)
        assert (db.max(), db.min(), grey.min(), grey.max(), seconds) == (0, -examples.DB_RANGE, 0, 255, 3.0)
        assert (db[:, 150:] == -examples.DB_RANGE).all()  # after the end of the longer one
