"""Oracle: the training path (front end, then the stored model) and what the run stored when it was tested."""

import dataclasses
import functools
import io
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest
import soundfile
import tensorflow as tf
from tensorflow.core.framework import tensor_pb2

from keras_ser import audio, corpora, reports
from keras_ser.cli import commands
from keras_ser.data.features import padded
from keras_ser.dsp.resample import resample
from keras_ser.errors import UserError
from keras_ser.runs import runner, store
from keras_ser.serving import export, predict, tflite, verify
from keras_ser.training import evaluation

NAMES = ("emodb_losses", "tess_mfcc", "crema_1d_2d", "spectral_features")
NO_LITE = "crema_1d_2d"  # TensorFlow Lite makes no Fourier transform of 1631 samples


def assert_small(differences):
    assert len(differences) >= 5
    for asked, difference in differences.items():
        assert difference < (tflite.TOLERANCE[16] if "16 bits" in asked else export.TOLERANCE), asked


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
    differences = export.verify(exported[name])
    assert len(differences) == (5 if name == NO_LITE else 7)
    assert_small(differences)


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
        assert float(difference) < export.TOLERANCE, name
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
    assert inside == beside == export.describe(runs["tess_mfcc"])
    assert (inside["report"], inside["protocol"], inside["sample_rate"]) == ("tess_mfcc", "clip_disjoint", 22050)
    assert inside["hears_samples"] == 100 * 512
    card = (exported["tess_mfcc"] / "README.md").read_text()
    for words in ("synthetic speech", "CC BY-NC-ND", "clip_disjoint", "22050 Hz", "cnn_lstm", "model.tflite"):
        assert words in card


def stored_as(run, folder, right=None, **facts):
    """A copy of a run in another folder, under other facts, with the first ``right`` of its answers right."""
    shutil.copytree(run.folder, folder)
    (folder / "run.json").write_text(json.dumps({**run.facts, **facts}))
    answers = run.predictions()
    if right is not None:
        wrong = {label: run.facts["labels"][place - 1] for place, label in enumerate(run.facts["labels"])}
        answers["predicted"] = answers["true"].where(np.arange(len(answers)) < right, answers["true"].map(wrong))
    answers.to_csv(folder / "predictions.csv", index=False)
    scores = {**run.metrics, **evaluation.score(answers, run.facts["labels"])}
    (folder / "metrics.json").write_text(json.dumps(scores))
    return store.read(folder)


def scores_of_card(card):
    """First cell of a row of the card's scores → (repetitions, accuracy)"""
    rows = [line.split("|") for line in card.partition("## Scores")[2].partition("## ")[0].splitlines()]
    return {row[1].strip(" `"): (row[2].strip(), row[3].strip()) for row in rows if len(row) == 6}


@pytest.mark.parametrize("name", ["tess_mfcc", "four_corpora"])
def test_the_snippet_of_a_card_runs_as_it_stands(name, exported, monkeypatch, capsys):
    monkeypatch.chdir(exported[name])
    snippet = re.search(r"```python\n(.*?)```", Path("README.md").read_text(), re.S)[1]
    found = {}
    exec(snippet, found)
    assert found["answer"]["probabilities"].shape[0] == 2
    assert "b'" in capsys.readouterr().out


def test_a_card_holds_whole_repetitions_of_the_same_setup_alone(runs, tmp_path):
    first, root = runs["tess_mfcc"], tmp_path / "runs" / "tess_mfcc" / "cnn_lstm"
    n = len(first.predictions())
    run = stored_as(first, root / "clip_disjoint" / "seed-0", right=n)
    stored_as(first, root / "clip_disjoint" / "seed-1", right=0, seed=1)
    stored_as(first, root / "clip_disjoint" / "seed-2", right=n, seed=2, setup="of one epoch less")
    unseen = {"protocol": "speaker_independent", "n_folds": 2}
    for fold, right in ((0, n), (1, 0)):
        fold_run = stored_as(first, root / unseen["protocol"] / "seed-0" / f"fold-{fold}", right, fold=fold, **unseen)
    stored_as(first, root / unseen["protocol"] / "seed-1" / "fold-0", n, seed=1, fold=0, **unseen)
    found = scores_of_card(export._card(run, export.describe(run), ""))
    assert found == {
        "protocol": ("repetitions", "accuracy"),
        "---": ("---", "---"),
        "this model (`clip_disjoint`)": ("–", "1.000"),
        "clip_disjoint": ("2", "0.500"),
        "speaker_independent": ("1", "0.500"),  # of both folds together; the other repetition lacks one
    }
    of_fold = export._card(fold_run, export.describe(fold_run), "")
    assert scores_of_card(of_fold)["this model (`speaker_independent`)"] == ("–", "0.000")
    assert scores_of_card(of_fold)["clip_disjoint"] == ("2", "0.500")  # found from a fold's folder too
    assert "repetition\n  0, fold 1, fitted on train" in of_fold


def test_a_card_of_a_run_that_lies_alone_looks_no_further(runs, tmp_path):
    """A run may be copied anywhere: what lies beside it is not of its experiment."""
    run = stored_as(runs["tess_mfcc"], tmp_path / "mine" / "model")
    stored_as(runs["tess_mfcc"], tmp_path / "others" / "model", seed=1)
    assert "clip_disjoint" not in scores_of_card(export._card(run, export.describe(run), ""))


def test_a_card_shows_the_model_info_sheet(runs):
    card = export._card(runs["tess_mfcc"], export.describe(runs["tess_mfcc"]), "")
    sheet = card.partition("## Model info sheet")[2].partition("\n## ")[0]
    rows = {line.split("|")[1].strip(): line.split("|")[2:4] for line in sheet.splitlines() if line.startswith("| L")}
    assert [name.split()[0] for name in rows] == ["L1.1", "L1.2", "L1.3", "L1.4", "L2", "L3.1", "L3.2", "L3.3"]
    leakage, where = rows["L3.2 dependence of train and test"]
    shared = runs["tess_mfcc"].facts["shared"]
    assert leakage.strip() == "yes"
    assert f"{shared['speaker']} of {shared['test']} test examples (100 %) have the speaker in train" in where
    assert "augmented version" not in where


def test_tensorflow_lite_answers_what_the_run_stored_and_is_not_there_where_it_cannot_be(runs, exported, embedded):
    predictions = runs["tess_mfcc"].predictions()
    clips = corpora.manifest("tess", embedded).set_index("clip")
    heard = [audio.read(clips.at[clip, "path"]) for clip in predictions["clip"]]
    sounds = [resample(y[None], orig_sr=rate, target_sr=22050)[0].numpy()[0] for y, rate in heard]
    sizes = []
    for bits, name in export.LITE.items():
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
    np.testing.assert_allclose(json.loads(probabilities), expected["probabilities"][0], rtol=0, atol=export.TOLERANCE)
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


def test_verify_sees_a_model_that_answers_otherwise(exported, tmp_path):
    folder = shutil.copytree(exported["tess_mfcc"], tmp_path / "model")
    path = folder / "assets.extra" / "selftest.npz"
    test = dict(np.load(path))
    test["probabilities"] = test["probabilities"] + np.float32(2e-4)
    np.savez_compressed(path, **test)
    sums = "".join(f"{digest}  {name}\n" for name, digest in export._sums(folder).items())
    (folder / export.SUMS).write_text(sums)
    with pytest.raises(UserError, match=r"probabilities differ .* serving_default"):
        export.verify(folder)
    with pytest.raises(UserError, match="no model exported"):
        export.verify(tmp_path)


def test_nothing_is_overwritten(runs, tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "file").touch()
    with pytest.raises(UserError, match="is not empty"):
        export.export(runs["tess_mfcc"], tmp_path / "mine")


def test_a_full_disk_leaves_nothing(runs, tmp_path, small_disk):
    with small_disk(10_000), pytest.raises(UserError, match=r"cannot write .*: File too large$"):
        export.export(runs["tess_mfcc"], tmp_path / "new" / "model")
    assert list((tmp_path / "new").iterdir()) == []


def test_an_export_is_compared_with_what_the_run_stored(runs, exported, embedded, tmp_path, capsys, monkeypatch):
    run, folder = runs["tess_mfcc"], str(runs["tess_mfcc"].folder)
    stored = export.stored_clips(run, embedded)
    assert set(stored["clip"]) == set(run.predictions().query("transform == 'none'")["clip"])
    opened = export.opened(exported["tess_mfcc"])
    ((said, difference),) = export.compare_with_stored(*opened, stored).items()
    assert said == f"serving_default, {len(stored)} test clips as the run stored them"
    assert difference < export.TOLERANCE
    otherwise = stored.assign(p_fear=stored["p_fear"] + 2e-3)
    with pytest.raises(UserError, match=rf"otherwise .* for {len(stored)} of {len(stored)} test clips"):
        export.compare_with_stored(*opened, otherwise)
    with pytest.raises(UserError, match="otherwise"):
        export.compare_with_stored(*opened, stored.assign(p_fear=np.nan))
    certain = dict.fromkeys(stored.filter(regex="^p_"), 0.0) | {"p_fear": 1.0}
    with pytest.raises(UserError, match="otherwise"):
        export.compare_with_stored(*opened, stored.assign(**certain))

    # Where they are not available, or are synthetic speech of the same names, that is said.
    assert export.stored_clips(run, tmp_path).empty
    real = dataclasses.replace(run, facts={**run.facts, "synthetic": False})
    assert export.stored_clips(real, embedded).empty
    assert commands.main(["export", folder, "--out", str(tmp_path / "a"), "--data", str(tmp_path)]) == 2
    assert "no recording of a test clip" in capsys.readouterr().err
    asked = []
    monkeypatch.setattr(export, "export", lambda *arguments: asked.append(arguments) or {})
    monkeypatch.delenv("KERAS_SER_DATA", raising=False)
    monkeypatch.chdir(tmp_path)
    assert commands.main(["export", folder, "--out", "a"]) == 0
    said, complaints = capsys.readouterr()  # nothing went wrong: it is said with the result
    assert "data: no recording of a test clip of this run: the model is not compared" in said
    assert complaints == ""
    assert commands.main(["export", folder, "--out", "a", "--data", str(embedded)]) == 0
    assert "no recording" not in "".join(capsys.readouterr())
    assert [len(stored) for *_, stored in asked] == [0, len(stored)]


def test_runs_that_cannot_be_exported(runs, tmp_path):
    with pytest.raises(UserError, match="no run is stored there"):
        export.open_run(tmp_path)
    folder = shutil.copytree(runs["tess_mfcc"].folder, tmp_path / "run")
    (folder / "model.keras").unlink()
    with pytest.raises(UserError, match=r"model\.keras is missing"):
        export.open_run(folder)
    facts = {**runs["tess_mfcc"].facts, "diverged_at": 3}
    (folder / "run.json").write_text(json.dumps(facts))
    (folder / "metrics.json").write_text("{}")
    with pytest.raises(UserError, match="diverged in epoch 3"):
        export.open_run(folder)
    facts = runs["tess_mfcc"].facts
    another = {**facts, "decided_by": {**facts["decided_by"], "front_end": "another"}}
    with pytest.raises(UserError, match="other features than this version computes: reproduce the run"):
        export.chain(dataclasses.replace(runs["tess_mfcc"], facts=another))
    by_librosa = dataclasses.replace(runs["tess_mfcc"], facts={**facts, "features": "librosa"})
    with pytest.raises(UserError, match=r"which an exported model cannot compute: .* with --backend tensorflow"):
        export.chain(by_librosa)


@pytest.mark.slow
def test_an_image_network_answers_alone_as_in_a_batch(embedded, tmp_path):
    report = reports.load("spectral_features")
    material = runner.gather(report, "a corpus", corpora.joined(report.corpora, embedded))
    options = {"protocol_names": ["as_reported"], "repetitions": range(1), "backend": "tensorflow", "epochs": 1}
    (run,) = runner.run_all(
        report,
        material,
        root=tmp_path / "runs",
        cache_root=tmp_path / "cache",
        experiments=[report.experiment("cnn_2d")],
        **options,
    )
    stored = export.stored_clips(run, embedded)
    differences = export.export(
        run, tmp_path / "exported", stored
    )  # dropout must be off, whatever comes before the network
    assert_small(differences)
    assert f"serving_default, {export.STORED_CLIPS} test clips as the run stored them" in differences


def flipped(content):
    place = len(content) // 2
    return content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :]


EXPORTED_FILES = (
    "saved_model.pb",
    "variables/variables.data-00000-of-00001",
    "variables/variables.index",
    "assets.extra/selftest.npz",
    "assets.extra/keras_ser.json",
    "assets.extra/tf_serving_warmup_requests",
    "assets.extra/model.tflite",
    "assets.extra/model_float16.tflite",
    "SHA256SUMS",
)


@pytest.mark.parametrize("name", EXPORTED_FILES)
def test_a_damaged_file_of_an_export_is_named(name, exported, tmp_path):
    folder = shutil.copytree(exported["tess_mfcc"], tmp_path / "model")
    whole = (folder / name).read_bytes()
    for content in (None, b"", b"{}", b"text", whole[: len(whole) // 2], flipped(whole)):
        (folder / name).unlink()
        if content is not None:
            (folder / name).write_bytes(content)
        for read in (verify.verify, predict.load):
            with pytest.raises(UserError, match=r"export the run again$|SHA256SUMS is missing") as told:
                read(folder)
            assert name in str(told.value) or name == "SHA256SUMS"
            assert "\n" not in str(told.value)
        (folder / name).write_bytes(whole)


def test_verify_takes_an_export(exported):
    assert verify.verify(exported["tess_mfcc"]) == export.verify(exported["tess_mfcc"])


def archived(**arrays):
    file = io.BytesIO()
    np.savez(file, **arrays)
    return file.getvalue()


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("saved_model.pb", b""),
        ("assets.extra/selftest.npz", b"text"),
        ("assets.extra/selftest.npz", archived(waveform=1)),
    ],
)
def test_what_someone_else_put_into_an_export_with_sums_of_his_own(name, content, exported, tmp_path):
    folder = shutil.copytree(exported["tess_mfcc"], tmp_path / "model")
    (folder / name).write_bytes(content)
    (folder / export.SUMS).write_text("".join(f"{sum_}  {name}\n" for name, sum_ in export._sums(folder).items()))
    with pytest.raises(UserError, match=r"cannot be read .*: the export is damaged: export the run again$"):
        export.verify(folder)


def test_a_model_says_itself_what_it_is(exported, tmp_path):
    folder = shutil.copytree(exported["tess_mfcc"], tmp_path / "model")
    (folder / "assets.extra/keras_ser.json").write_text("{}")
    (folder / export.SUMS).write_text("".join(f"{sum_}  {name}\n" for name, sum_ in export._sums(folder).items()))
    assert predict.load(folder).labels == predict.load(exported["tess_mfcc"]).labels


def test_other_programs_can_check_an_export_whose_card_may_be_edited(exported, tmp_path):
    folder = shutil.copytree(exported["tess_mfcc"], tmp_path / "model")
    (folder / "README.md").write_text("mine")
    assert_small(export.verify(folder))
    subprocess.run(["sha256sum", "--check", "--strict", "SHA256SUMS"], cwd=folder, check=True, capture_output=True)


def test_a_model_of_other_features_is_refused(runs, tmp_path):
    folder = shutil.copytree(runs["tess_mfcc"].folder, tmp_path / "run")
    run = store.read(folder)
    n_inputs, n_outputs = 2, len(run.facts["labels"])
    n_wanted = run.facts["parameters"] - (n_inputs + 1) * n_outputs
    inputs = keras.Input((n_inputs,))
    pad = keras.layers.Embedding(n_wanted, 1)  # as many parameters as the run's
    outputs = keras.layers.Dense(n_outputs)(inputs) + keras.ops.mean(pad(inputs), axis=1)
    keras.Model(inputs, outputs).save(folder / "model.keras")
    with pytest.raises(UserError, match=r"model\.keras: takes features .* the report's are"):
        export.chain(run)
