import keras
import numpy as np
import pytest

from keras_ser.dsp.cepstrum import mfcc
from keras_ser.dsp.contour import rms, zero_crossing_rate
from keras_ser.dsp.decibel import power_to_db
from keras_ser.dsp.deltas import deltas
from keras_ser.dsp.mel import mel_spectrogram
from keras_ser.dsp.pitch import yin
from keras_ser.dsp.scaling import grey_levels
from keras_ser.dsp.shape import band_shape, spectral_centroid
from keras_ser.dsp.spectrum import frame_mask
from keras_ser.layers import (
    MFCC,
    RMS,
    YIN,
    BandShape,
    ClipNormalization,
    Deltas,
    FixFrames,
    FrameMask,
    GreyImage,
    LogMel,
    MeanEnergy,
    MelSpectrogram,
    PeakNormalization,
    PowerToDecibel,
    SpectralCentroid,
    StackFeatures,
    ZeroCrossingRate,
)
from tests.harness import check_layer, generated, padded

WAVEFORM, LENGTHS = padded({name: y[:9500] for name, y in generated().items() if name != "impulse"})
N_FRAMES = 1 + 9500 // 512


@pytest.fixture
def features(rng):
    return rng.normal(size=(len(LENGTHS), N_FRAMES, 6)).astype(np.float32)


@pytest.mark.slow
def test_mel_spectrogram(tmp_path):
    layer = MelSpectrogram(16000, n_fft=512, n_mels=40, htk=True, norm=None, fmin=50.0, power=1.0)
    mel = check_layer(layer, WAVEFORM, LENGTHS, tmp_path, atol=1e-4)
    options = {"n_fft": 512, "n_mels": 40, "htk": True, "norm": None, "fmin": 50.0, "power": 1.0}
    expected = mel_spectrogram(WAVEFORM, sample_rate=16000, lengths=LENGTHS, **options)
    np.testing.assert_allclose(mel, expected, rtol=0, atol=1e-5)


@pytest.mark.slow
def test_mfcc(tmp_path):
    coefficients = check_layer(MFCC(16000, n_mfcc=13), WAVEFORM, LENGTHS, tmp_path, atol=1e-3)
    expected = mfcc(WAVEFORM, sample_rate=16000, n_mfcc=13, lengths=LENGTHS)
    np.testing.assert_allclose(coefficients, expected, rtol=0, atol=1e-3)


def test_mfcc_passes_the_mel_arguments_on(tmp_path):
    layer = MFCC(16000, 12, n_fft=512, hop_length=256, n_mels=32, pad_mode="reflect")
    assert layer(WAVEFORM, LENGTHS).shape == (len(LENGTHS), 1 + 9500 // 256, 12)
    assert MFCC.from_config(layer.get_config()).mel_config() == layer.mel_config()


def test_mean_energy(tmp_path):
    energy = check_layer(MeanEnergy(), WAVEFORM, LENGTHS, tmp_path, atol=1e-7)
    assert energy[0] == 0  # silence
    assert energy.shape == (len(LENGTHS),)


@pytest.mark.slow
def test_rms_and_zero_crossing_rate(tmp_path):
    for layer, function in ((RMS(800, 256), rms), (ZeroCrossingRate(800, 256), zero_crossing_rate)):
        values = check_layer(layer, WAVEFORM, LENGTHS, tmp_path, atol=1e-6)
        expected = function(WAVEFORM, frame_length=800, hop_length=256, lengths=LENGTHS)
        np.testing.assert_allclose(values[..., 0], expected, rtol=1e-5, atol=1e-7)


@pytest.mark.slow
def test_yin(tmp_path):
    values = check_layer(YIN(16000, 65, 400, 1024, 256), WAVEFORM, LENGTHS, tmp_path, atol=1e-2)
    expected = yin(WAVEFORM, sample_rate=16000, fmin=65, fmax=400, frame_length=1024, hop_length=256, lengths=LENGTHS)
    np.testing.assert_allclose(values[..., 0], expected, rtol=1e-5)


@pytest.mark.slow
def test_spectral_centroid(tmp_path):
    values = check_layer(SpectralCentroid(16000, 800, 256), WAVEFORM, LENGTHS, tmp_path, atol=2e-2)
    expected = spectral_centroid(WAVEFORM, sample_rate=16000, n_fft=800, hop_length=256, lengths=LENGTHS)
    np.testing.assert_allclose(values[..., 0], expected, rtol=1e-5, atol=1e-2)


def test_power_to_decibel(features, tmp_path):
    layer = PowerToDecibel(ref="max", top_db=30.0)
    db = check_layer(layer, features**2, LENGTHS, tmp_path, atol=1e-4)
    mask = frame_mask(LENGTHS, 512, N_FRAMES)
    np.testing.assert_allclose(db, power_to_db(features**2, ref="max", top_db=30.0, mask=mask), atol=1e-4)
    assert db.min() >= -30.001


@pytest.mark.slow
def test_log_mel(tmp_path):
    layer = LogMel(16000, ref="max", top_db=60.0, n_mels=40)
    db = check_layer(layer, WAVEFORM, LENGTHS, tmp_path, atol=1e-3)
    power = MelSpectrogram(16000, n_mels=40)(WAVEFORM, LENGTHS)
    np.testing.assert_array_equal(db, PowerToDecibel(ref="max", top_db=60.0)(power, LENGTHS))


@pytest.mark.slow
def test_deltas(features, tmp_path):
    layer = Deltas(width=5, order=2, mode="mirror")
    slope = check_layer(layer, features, LENGTHS, tmp_path, atol=1e-5)
    expected = deltas(features, width=5, order=2, mode="mirror", n_frames=1 + LENGTHS // 512)
    np.testing.assert_allclose(slope, expected, rtol=0, atol=1e-5)


def test_frame_mask(features, tmp_path):
    mask = check_layer(FrameMask(), features, LENGTHS, tmp_path, atol=0)
    np.testing.assert_array_equal(mask, frame_mask(LENGTHS, 512, N_FRAMES))
    assert FrameMask()(features).numpy().all()


def lstm_model(lstm, mask_of):
    waveform, lengths = keras.Input((None,)), keras.Input((), dtype="int32")
    fixed = FixFrames(25)(PeakNormalization()(MFCC(16000)(waveform, lengths), lengths), lengths)
    return keras.Model([waveform, lengths], mask_of(lstm, fixed, lengths))


@pytest.mark.slow
def test_an_lstm_with_a_frame_mask_ignores_padding(tmp_path):
    lstm = keras.layers.LSTM(4)
    model = lstm_model(lstm, lambda lstm, x, lengths: lstm(x, mask=FrameMask()(x, lengths)))
    together = model([WAVEFORM, LENGTHS]).numpy()

    front_end = lstm_model(lstm, lambda lstm, x, lengths: x)
    features = front_end([WAVEFORM, LENGTHS]).numpy()
    for i, n_frames in enumerate(1 + LENGTHS // 512):
        np.testing.assert_allclose(lstm(features[i : i + 1, :n_frames])[0], together[i], rtol=0, atol=1e-6)
    unmasked = lstm_model(lstm, lambda lstm, x, lengths: lstm(x))([WAVEFORM, LENGTHS])
    assert abs(unmasked - together).numpy().max() > 1e-3
    model.save(tmp_path / "model.keras")
    np.testing.assert_array_equal(keras.models.load_model(tmp_path / "model.keras")([WAVEFORM, LENGTHS]), together)


@pytest.mark.slow
def test_a_mask_goes_through_the_layers_on_frames(features, tmp_path):
    inputs = keras.Input((None, 6))
    masked = keras.layers.Masking()(inputs)
    stack = StackFeatures()([masked, Deltas()(masked)])
    lstm = keras.layers.LSTM(4)
    model = keras.Model(inputs, lstm(FixFrames(30)(PeakNormalization()(stack))))
    mask = np.pad(frame_mask(LENGTHS, 512, N_FRAMES), [(0, 0), (0, 30 - N_FRAMES)])
    features = features * mask[:, :N_FRAMES, None].astype(np.float32)
    x = FixFrames(30)(PeakNormalization()(StackFeatures()([features, Deltas()(features)])))
    np.testing.assert_allclose(model(features), lstm(x, mask=mask), rtol=0, atol=1e-6)
    model.save(tmp_path / "model.keras")
    np.testing.assert_array_equal(keras.models.load_model(tmp_path / "model.keras")(features), model(features))


def test_stack_features(features, tmp_path):
    class Stack(keras.layers.Layer):
        """A list of a feature of the clip between two of its frames, out of one input for the harness."""

        hop_length = 512

        def call(self, x, lengths):
            return StackFeatures()([x, x[:, 0, 1], x[..., :2]], lengths)

    mask = frame_mask(LENGTHS, 512, N_FRAMES).numpy()[..., None]
    stack = StackFeatures()([features, features[:, 0, 1], features[..., :2]], LENGTHS)
    repeated = np.broadcast_to(features[:, :1, 1:2], (*features.shape[:2], 1))
    expected = np.concatenate([features, repeated, features[..., :2]], axis=-1) * mask
    np.testing.assert_array_equal(stack, expected)
    with keras.saving.custom_object_scope({"Stack": Stack}):
        check_layer(Stack(), features, LENGTHS, tmp_path, atol=0)


def test_peak_normalization(features, tmp_path):
    normalized = check_layer(PeakNormalization(), features, LENGTHS, tmp_path, atol=1e-6)
    np.testing.assert_allclose(np.abs(normalized).max(axis=1), 1.0)


@pytest.mark.slow
@pytest.mark.parametrize("n_frames", [7, 40])
def test_fix_frames(features, n_frames, tmp_path):
    fixed = check_layer(FixFrames(n_frames), features, LENGTHS, tmp_path, atol=0)
    assert fixed.shape == (len(LENGTHS), n_frames, 6)


def test_signals_stay_float32_under_mixed_precision():
    keras.config.set_dtype_policy("mixed_float16")
    try:
        layer = MFCC(16000)
    finally:
        keras.config.set_dtype_policy("float32")
    assert layer(WAVEFORM, LENGTHS).dtype == "float32"


def test_output_shapes_are_known_before_any_data():
    waveform, lengths = keras.Input((None,)), keras.Input((), dtype="int32")
    coefficients = MFCC(16000, 12)(waveform, lengths)
    assert coefficients.shape == (None, None, 12)
    assert MelSpectrogram(16000)(waveform).shape == (None, None, 128)
    assert StackFeatures()([coefficients, MeanEnergy()(waveform)]).shape == (None, None, 13)
    assert FixFrames(150)(coefficients).shape == (None, 150, 12)


@pytest.mark.slow
def test_band_shape(tmp_path):
    bands = [[10, 40], [41, 90]]
    for kind, atol in (("centroid", 1e-2), ("bandwidth", 1.0), ("energy", 1e-4)):
        layer = BandShape(kind, 16000, 2048, 512, 100, bands, "rows", at_most=9)
        values = check_layer(layer, WAVEFORM, LENGTHS, tmp_path, atol=atol)
        expected = band_shape(WAVEFORM, lengths=LENGTHS, **layer.shape_config())
        np.testing.assert_allclose(values, expected, rtol=0, atol=atol)


def test_clip_normalization(tmp_path):
    values = check_layer(ClipNormalization(), WAVEFORM, LENGTHS, tmp_path, atol=1e-4)
    np.testing.assert_allclose(values[1, : LENGTHS[1]].std(), 1, atol=1e-3)


def test_grey_image(rng, tmp_path):
    images = rng.uniform(0, 1, (3, 8, 5)).astype(np.float32)
    layer = GreyImage()
    together = layer(images).numpy()
    assert together.shape == (3, 8, 5, 1)
    np.testing.assert_array_equal(together[..., 0], grey_levels(np.log(images + 1e-9)))
    for image, grey in zip(images, together, strict=True):
        np.testing.assert_array_equal(layer(image[None])[0], grey)
    model = keras.Sequential([keras.Input((8, 5)), layer])
    model.save(tmp_path / "model.keras")
    np.testing.assert_array_equal(keras.models.load_model(tmp_path / "model.keras")(images), together)
