"""Oracle: the training path (front end, then the stored model) and what the run stored when it was tested."""

import functools
import json
import re
import subprocess
import sys

import numpy as np
import pytest
import soundfile
import tensorflow as tf
from tensorflow.core.framework import tensor_pb2

from keras_ser import audio, corpora, reports
from keras_ser.data.features import padded
from keras_ser.dsp.resample import resample
from keras_ser.errors import UserError
from keras_ser.runs import planning, runner
from keras_ser.serving import export, predict, tflite, verify
from keras_ser.serving.chain import describe, stored_clips
from keras_ser.serving.exported import LITE, STORED_CLIPS, TOLERANCE

NAMES = ("emodb_losses", "tess_mfcc", "crema_1d_2d", "spectral_features")
NO_LITE = "crema_1d_2d"  # TensorFlow Lite makes no Fourier transform of 1631 samples


def assert_small(differences):
    assert len(differences) >= 5
    for asked, difference in differences.items():
        assert difference < (tflite.TOLERANCE[16] if "16 bits" in asked else TOLERANCE), asked


@functools.cache
def served(folder):
    return tf.saved_model.load(str(folder)).signatures


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_answers_what_the_run_stored_for_the_same_clips(name, runs, exported, embedded):
    predictions = runs[name].predictions()
    clips = corpora.joined(reports.load(name).corpora, embedded).set_index("clip")
    signatures, rate = served(exported[name]), runs[name].facts["sample_rate"]
    for row in predictions.itertuples():
        y, orig_sr = audio.read(clips.at[row.clip, "path"])
        expected = predictions.filter(like="p_").loc[row.Index]
        wav = tf.audio.encode_wav(y[:, None] * 32768 / 32767, orig_sr)  # TensorFlow's full scale is 32767
        by_file = signatures["wav_bytes"](wav_bytes=wav[None])
        np.testing.assert_allclose(by_file["probabilities"][0], expected, rtol=0, atol=1e-4)
        assert by_file["label"].numpy()[0].decode() == row.predicted
        if orig_sr == rate:
            answer = signatures["serving_default"](waveform=tf.constant(y[None]))
            np.testing.assert_allclose(answer["probabilities"][0], expected, rtol=0, atol=1e-4)
            assert runs[name].facts["labels"][answer["class_index"].numpy()[0]] == row.predicted


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_the_self_test_can_be_run_again(name, exported):
    differences = verify.verify(exported[name])
    assert len(differences) == (5 if name == NO_LITE else 7)
    assert_small(differences)


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_a_large_batch_is_answered_as_each_of_its_clips(name, exported, rng):
    """Groups of similar lengths are put back where they came from; the shortest are shorter than a frame."""
    ask, rate = served(exported[name])["padded"], 16000
    sounds = [rng.uniform(-1, 1, n).astype(np.float32) for n in rng.integers(rate // 100, rate, 37)]
    waveform, lengths = padded(sounds)
    together = ask(waveform=tf.constant(waveform), lengths=tf.constant(lengths))
    for place in (0, 11, 22, 36, lengths.argmin(), lengths.argmax()):
        alone = ask(waveform=tf.constant(sounds[place][None]), lengths=tf.constant(lengths[place : place + 1]))
        np.testing.assert_allclose(together["probabilities"][place], alone["probabilities"][0], rtol=0, atol=1e-5)
        assert together["label"][place] == alone["label"][0]
    nothing = ask(waveform=tf.zeros([0, rate]), lengths=tf.zeros([0], tf.int32))
    assert nothing["probabilities"].shape == (0, together["probabilities"].shape[1])
    answers = ask(waveform=tf.constant(waveform[:2]), lengths=tf.constant([lengths[0], 0]))
    assert np.isfinite(answers["probabilities"]).all(axis=1).tolist() == [True, False]
    assert (answers["label"][1], answers["class_index"][1]) == (b"", -1)


@pytest.mark.slow
def test_tensorflow_alone_can_load_it_and_hears_every_file_of_a_batch(exported, rng, tmp_path):
    noise = rng.uniform(-0.5, 0.5, (9000, 2))
    soundfile.write(tmp_path / "0.wav", noise, 44100, format="WAVEX", subtype="PCM_24")
    soundfile.write(tmp_path / "1.wav", noise[:1, 0], 12345, subtype="FLOAT")  # one sample
    audio.write(tmp_path / "2.wav", noise[:, 0], 48000)
    whole = (tmp_path / "2.wav").read_bytes()
    (tmp_path / "2.wav").write_bytes(whole[:36] + b"LIST\5\0\0\0INFOx\0" + whole[36:] + b"_PMX\3\0\0\0odd\0and more")
    (tmp_path / "3.wav").write_bytes(whole[:999])
    (tmp_path / "4.wav").touch()
    paths = [str(tmp_path / f"{number}.wav") for number in range(5)]
    code = f"""
import sys
for name in ("keras_ser", "keras", "librosa", "soundfile", "pandas", "scipy", "noisereduce", "sklearn"):
    sys.modules[name] = None  # importing it fails
import numpy as np, tensorflow as tf
files = [open(path, "rb").read() for path in {paths!r}]
for folder in {[str(exported[name]) for name in NAMES]!r}:
    model = tf.saved_model.load(folder)
    test = np.load(folder + "/assets.extra/selftest.npz")
    answer = model.signatures["padded"](waveform=tf.constant(test["waveform"]), lengths=tf.constant(test["lengths"]))
    print(abs(answer["probabilities"].numpy() - test["probabilities"]).max())
    answer = model.signatures["wav_bytes"](wav_bytes=tf.constant(files))
    print(answer["status"].numpy().tolist(), answer["label"].numpy().tolist(), answer["class_index"].numpy().tolist())
    nan = np.isnan(answer["probabilities"])
    print(nan.all(axis=1).tolist(), nan.any(axis=1).tolist())
"""
    done = subprocess.run([sys.executable, "-I", "-c", code], capture_output=True, text=True, check=True)
    lines = done.stdout.splitlines()
    for name, difference, answers, nan in zip(NAMES, lines[::3], lines[1::3], lines[2::3], strict=True):
        assert float(difference) < TOLERANCE, name
        assert answers.startswith("[b'ok', b'ok', b'ok', b'cut off"), name
        assert "b'', b''] [" in answers, name
        assert answers.endswith(" -1, -1]"), name
        assert nan == "[False, False, False, True, True] [False, False, False, True, True]", name


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_a_batch_of_nothing_but_bad_files_is_answered(name, exported):
    answer = served(exported[name])["wav_bytes"](wav_bytes=tf.constant([b"", b"no sound"]))
    assert np.isnan(answer["probabilities"]).all()
    assert answer["label"].numpy().tolist() == [b"", b""]


def test_files_are_answered_as_the_command_answers_them(exported, tmp_path, rng):
    """In a batch with one that cannot be decoded; a rate of its own, three channels, 8 bits."""
    soundfile.write(tmp_path / "a.wav", rng.uniform(-0.5, 0.5, (20000, 3)), 12345, subtype="PCM_U8")
    (tmp_path / "b.wav").write_bytes(b"RIFF")
    answer = served(exported["tess_mfcc"])["wav_bytes"](
        wav_bytes=tf.constant([path.read_bytes() for path in sorted(tmp_path.iterdir())])
    )
    (expected,) = predict.predict(predict.load(exported["tess_mfcc"]), [tmp_path / "a.wav"])
    np.testing.assert_allclose(answer["probabilities"][0], expected.probabilities, rtol=0, atol=1e-4)
    assert answer["status"].numpy().tolist()[0] == b"ok"
    assert answer["status"].numpy().tolist()[1].startswith(b"no WAV file")


def test_what_it_is_stands_inside_and_beside_it(runs, exported):
    inside = json.loads(served(exported["tess_mfcc"])["describe"]()["json"].numpy())
    beside = json.loads((exported["tess_mfcc"] / "assets.extra" / "keras_ser.json").read_text())
    assert inside == beside == describe(runs["tess_mfcc"])
    assert (inside["report"], inside["protocol"], inside["sample_rate"]) == ("tess_mfcc", "clip_disjoint", 22050)
    assert inside["hears_samples"] == 100 * 512
    text = (exported["tess_mfcc"] / "README.md").read_text()
    for words in ("synthetic speech", "CC BY-NC-ND", "clip_disjoint", "22050 Hz", "cnn_lstm", "model.tflite"):
        assert words in text


def test_tensorflow_lite_answers_what_the_run_stored_and_is_not_there_where_it_cannot_be(runs, exported, embedded):
    predictions = runs["tess_mfcc"].predictions()
    clips = corpora.manifest("tess", embedded).set_index("clip")
    heard = [audio.read(clips.at[clip, "path"]) for clip in predictions["clip"]]
    sounds = [resample(y[None], orig_sr=rate, target_sr=22050)[0].numpy()[0] for y, rate in heard]
    sizes = []
    for bits, name in LITE.items():
        content = (exported["tess_mfcc"] / name).read_bytes()
        difference = tflite.difference(content, *padded(sounds), predictions.filter(like="p_").to_numpy())
        assert difference < tflite.TOLERANCE[bits]
        assert not (exported[NO_LITE] / name).exists()
        sizes.append(len(content))
    assert sizes[1] < sizes[0]
    assert (
        "There is no TensorFlow Lite model: TensorFlow Lite knows no Fourier transform whose length is no power of two."
        in (exported[NO_LITE] / "README.md").read_text()
    )


def test_the_runtime_for_small_devices_answers_without_tensorflow(exported):
    pytest.importorskip("ai_edge_litert", reason="the extra lite is not installed")
    folder = exported["emodb_losses"]
    _, snippet = re.findall(r"```python\n(.*?)```", (folder / "README.md").read_text(), re.S)
    snippet = snippet.replace("waveform = np.zeros([1, 160000], np.float32)", "waveform = waveform", 1)
    code = f"""
import sys
for name in ("keras_ser", "keras", "tensorflow"):
    sys.modules[name] = None  # importing it fails
import numpy as np
test = np.load("assets.extra/selftest.npz")
waveform = np.pad(test["waveform"][:1, :16000], [[0, 0], [0, 160000 - 16000]])
{snippet}
print(answer["probabilities"][0].tolist())
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=folder)
    label, probabilities = done.stdout.splitlines()
    with np.load(folder / "assets.extra/selftest.npz") as test:
        expected = served(folder)["serving_default"](waveform=tf.constant(test["waveform"][:1, :16000]))
    np.testing.assert_allclose(json.loads(probabilities), expected["probabilities"][0], rtol=0, atol=TOLERANCE)
    assert label.encode() == expected["label"].numpy()[0]


def fields(message):
    """Number and content of each length-delimited field of a protocol buffer."""
    place = 0
    while place < len(message):
        assert message[place] & 7 == 2
        number, length, shift = message[place] >> 3, 0, 0
        while True:
            place += 1
            length |= (message[place] & 127) << shift
            shift += 7
            if message[place] < 128:
                break
        yield number, message[place + 1 : place + 1 + length]
        place += 1 + length


def test_the_warmup_requests_can_be_answered(exported):
    signatures, asked = served(exported["tess_mfcc"]), []
    path = str(exported["tess_mfcc"] / "assets.extra" / "tf_serving_warmup_requests")
    for record in tf.data.TFRecordDataset(path).as_numpy_iterator():
        ((six, predict_log),) = fields(record)
        ((one, request),) = fields(predict_log)
        assert (six, one) == (6, 1)
        (_, spec), *inputs = fields(request)
        ((_, signature),) = fields(spec)
        tensors = {}
        for _, entry in inputs:
            (_, name), (_, tensor) = fields(entry)
            tensors[name.decode()] = tf.constant(tf.make_ndarray(tensor_pb2.TensorProto.FromString(tensor)))
        answer = signatures[signature.decode()](**tensors)
        np.testing.assert_allclose(tf.reduce_sum(answer["probabilities"], axis=1), 1, atol=1e-5)
        asked.append(signature.decode())
    assert asked == ["serving_default", "padded", "wav_bytes"]


def test_nothing_is_overwritten(runs, tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "file").touch()
    with pytest.raises(UserError, match="is not empty"):
        export.export(runs["tess_mfcc"], tmp_path / "mine")


def test_a_full_disk_leaves_nothing(runs, tmp_path, small_disk):
    with small_disk(10_000), pytest.raises(UserError, match=r"cannot write .*: File too large$"):
        export.export(runs["tess_mfcc"], tmp_path / "new" / "model")
    assert list((tmp_path / "new").iterdir()) == []


@pytest.mark.slow
def test_an_image_network_answers_alone_as_in_a_batch(embedded, tmp_path):
    report = reports.load("spectral_features")
    material = planning.gather(report, "a corpus", corpora.joined(report.corpora, embedded))
    setting = planning.Setting(report, material, tmp_path, tmp_path / "cache", epochs=1)
    (run,) = runner.run_all(setting, [report.experiment("cnn_2d")], ["as_reported"], range(1))
    stored = stored_clips(run, embedded)
    differences = export.export(
        run, tmp_path / "exported", stored
    )  # dropout must be off, whatever comes before the network
    assert_small(differences)
    assert f"serving_default, {STORED_CLIPS} test clips as the run stored them" in differences
