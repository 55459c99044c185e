"""Oracle: librosa.feature.mfcc of librosa 0.11, one clip at a time."""

import librosa
import numpy as np
import pytest
import scipy.fft

from keras_ser.dsp.cepstrum import dct_matrix, mfcc
from tests.harness import generated, padded, recordings


def test_dct_is_orthonormal_so_that_c0_is_not_scaled_by_root_2():
    matrix = dct_matrix(16, 16)
    np.testing.assert_allclose(matrix.T @ matrix, np.eye(16), atol=1e-6)
    np.testing.assert_allclose(matrix[:, :5], scipy.fft.dct(np.eye(16), norm="ortho")[:, :5], atol=1e-7)


@pytest.mark.slow
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"n_mfcc": 12},
        {"n_mfcc": 40, "n_fft": 512, "hop_length": 256, "n_mels": 64},
        {"n_mfcc": 40, "n_fft": 400, "hop_length": 200, "htk": True, "norm": None, "pad_mode": "reflect"},
    ],
    ids=["librosa's", "12", "short frames", "torchaudio's"],
)
@pytest.mark.filterwarnings("ignore:Empty filters")  # 128 filters on 201 bins, as torchaudio has them
def test_mfcc_is_librosas(options, real_data):
    signals = {**generated(), **recordings(real_data)}
    waveform, lengths = padded(signals)
    obtained = mfcc(waveform, sample_rate=16000, lengths=lengths, **options).numpy()
    theirs = {"mel_norm" if name == "norm" else name: value for name, value in options.items()}
    for row, (name, y) in zip(obtained, signals.items(), strict=True):
        expected = _librosa_mfcc(y, **theirs)
        n = len(expected)
        np.testing.assert_allclose(row[:n], expected, rtol=0, atol=1e-3, err_msg=name)
        assert not row[n:].any(), name


def _librosa_mfcc(y, n_mfcc=20, mel_norm="slaney", **options):
    """librosa.feature.mfcc, which does not pass ``norm`` on to the filters."""
    power = librosa.feature.melspectrogram(y=y, sr=16000, norm=mel_norm, **options)
    return librosa.feature.mfcc(S=librosa.power_to_db(power), n_mfcc=n_mfcc).T


def test_a_quiet_clip_is_the_same_beside_a_loud_one():
    """librosa, given both as a stack, floors the quiet one at 80 dB below the loud one."""
    quiet, loud = generated()["quiet"], generated()["noise"][:13007]
    stack = np.stack([quiet, loud])
    alone = mfcc(quiet[None], sample_rate=16000)[0]
    np.testing.assert_allclose(mfcc(stack, sample_rate=16000)[0], alone, rtol=0, atol=1e-4)
    assert np.abs(librosa.feature.mfcc(y=stack, sr=16000)[0].T - alone).max() > 1


def test_silence_has_exactly_zero_coefficients_above_the_first():
    coefficients = mfcc(np.zeros((1, 4000), np.float32), sample_rate=16000).numpy()
    np.testing.assert_allclose(coefficients[..., 0], -100 * np.sqrt(128), rtol=1e-6)
    assert not coefficients[..., 1:].any()
