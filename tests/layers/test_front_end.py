"""The layers as a chain: the front end of the Emo-DB report.

Oracle: its listing by noisereduce 3.0 and librosa 0.11, one clip at a time.
"""

import numpy as np
import pytest

from keras_ser.reports.emodb_losses import features as front_end
from keras_ser.reports.emodb_losses import features_by_librosa
from tests.harness import check_layer, generated, padded, recordings


def test_is_the_reference_on_recordings(real_data):
    clips = recordings(real_data)
    features = front_end()(padded(clips)).numpy()
    for row, (name, y) in zip(features, clips.items(), strict=True):
        np.testing.assert_allclose(row, features_by_librosa(y, 16000), rtol=0, atol=1e-4, err_msg=name)


@pytest.mark.slow
def test_is_the_same_however_it_is_run(tmp_path):
    signals = {name: y[:9500] for name, y in generated().items() if name in ("chirp", "noise", "loud then silent")}
    signals["chirp"] = signals["chirp"][:8001]
    features = check_layer(front_end(), *padded(signals), tmp_path, atol=1e-4)
    assert features.shape == (3, 13, 150)


def test_silence_has_constant_c0_and_nothing_else():
    features = front_end()([np.zeros((1, 4000), np.float32), np.array([4000])]).numpy()
    expected = np.zeros((1, 13, 150))
    expected[:, 0, :8] = -1  # -100 dB in all 8 frames, divided by its magnitude
    np.testing.assert_allclose(features, expected, atol=1e-6)
    np.testing.assert_allclose(features[0], features_by_librosa(np.zeros(4000, np.float32), 16000), atol=1e-6)
