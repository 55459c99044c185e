import dataclasses
import shutil
import threading

import numpy as np
import pandas as pd
import pytest
import soundfile

from keras_ser import audio, corpora, librosa_reference, reports
from keras_ser.data import features
from keras_ser.data.cache import FeatureCache
from keras_ser.errors import UserError
from keras_ser.reports import emodb_losses, spectral_features

REPORT = reports.load("emodb_losses")
FRONT_END = REPORT.experiments[0].front_end


@pytest.fixture(scope="module")
def manifest(embedded):
    return features.with_audio_hash(corpora.manifest("emodb", embedded)[:4])[0]


@pytest.fixture(scope="module")
def examples(manifest):
    return REPORT.augmentation(manifest, 0)  # 28


@pytest.fixture(scope="module")
def together(examples, manifest, tmp_path_factory):
    """Features of all examples, and the cache that they are in."""
    root = tmp_path_factory.mktemp("cache")
    return features.compute(examples, manifest, FRONT_END, cache_root=root), root


def unread(manifest, **columns):
    return manifest.drop(columns=["audio_hash", "rate", "samples"]).assign(**columns)


def test_batches_hold_each_example_once_and_are_of_one_kind(rng):
    table = pd.DataFrame(
        {
            "rate": rng.choice([16000, 48000], 300),
            "transform": rng.choice(["none", "pitch_shift"], 300),
            "samples": rng.integers(1, 3_000_000, 300),
        }
    )[50:]
    steps = features.batches(table)
    assert sorted(np.concatenate(steps)) == list(table.index)
    for step in steps:
        rows = table.loc[step]
        assert rows["rate"].nunique() == rows["transform"].nunique() == 1
        assert len(step) <= features.BATCH_CLIPS
        assert len(step) == 1 or len(step) * rows["samples"].max() <= features.BATCH_SAMPLES


def test_padded():
    batch, lengths = features.padded([np.ones(2, np.float32), np.full(3, 2, np.float32)])
    np.testing.assert_array_equal(batch, [[1, 1, 0], [2, 2, 2]])
    np.testing.assert_array_equal(lengths, [2, 3])
    assert (batch.dtype, lengths.dtype) == (np.float32, np.int32)


@pytest.mark.slow
def test_both_backends_give_the_same(examples, manifest, together, tmp_path):
    ours, _ = together
    theirs = features.compute(examples, manifest, FRONT_END, cache_root=tmp_path, backend="librosa")
    assert ours.shape == theirs.shape == (28, 13, 150)
    assert ours.dtype == theirs.dtype == np.float32
    plain = examples["transform"] == "none"
    np.testing.assert_allclose(ours[plain], theirs[plain], rtol=0, atol=1e-4)
    # librosa resamples what it shifts by soxr. A shift down leaves the top of the spectrum empty, and there the two
    # resamplers differ by little that a logarithm makes much of: the waves correlate by more than 0.999.
    least = {"none": 0.99999, "time_stretch": 0.9999, "pitch_shift": 0.95}
    for transform, one, other in zip(examples["transform"], ours, theirs, strict=True):
        assert np.corrcoef(one.ravel(), other.ravel())[0, 1] > least[transform]


@pytest.mark.slow
def test_what_is_missing_is_computed_as_if_nothing_were_there(examples, manifest, together, tmp_path):
    """In the batches of all examples: features come out the same to the bit."""
    values, root = together
    stored = {path.name for path in root.rglob("*.npy")}
    assert len(stored) < len(examples) / 3  # a file per batch
    for number, damage in enumerate(
        (lambda path: path.unlink(), lambda path: path.write_bytes(path.read_bytes()[:999]))
    ):
        copy = shutil.copytree(root, tmp_path / str(number))
        for path in sorted(copy.rglob("*.npy"))[number::2]:
            damage(path)
        again = features.compute(examples, manifest[::-1], FRONT_END, cache_root=copy)
        np.testing.assert_array_equal(again, values)
        assert {path.name for path in copy.rglob("*.npy")} == stored


@pytest.mark.slow
def test_other_examples_in_the_cache_change_nothing(examples, manifest, together, tmp_path):
    part = examples[::-5].reset_index(drop=True)
    alone = features.compute(part, manifest, FRONT_END, cache_root=tmp_path)
    copy = shutil.copytree(together[1], tmp_path / "copy")
    np.testing.assert_array_equal(features.compute(part, manifest, FRONT_END, cache_root=copy), alone)


@pytest.mark.slow
def test_several_batches_are_computed_at_a_time(examples, manifest, together, tmp_path, monkeypatch):
    monkeypatch.setattr(features.joblib, "cpu_count", lambda: 3)
    both, store = threading.Barrier(2, timeout=60), FeatureCache.store
    waiting = iter([both.wait] * 2)
    monkeypatch.setattr(FeatureCache, "store", lambda *args: (next(waiting, int)(), store(*args)))
    values = features.compute(examples, manifest, FRONT_END, cache_root=tmp_path)
    np.testing.assert_array_equal(values, together[0])


def test_nothing_is_computed_twice(examples, manifest, together, monkeypatch):
    values, root = together
    monkeypatch.setattr(audio, "in_threads", None)  # no file is opened
    np.testing.assert_array_equal(features.compute(examples, manifest, FRONT_END, cache_root=root), values)


def test_an_interrupted_run_goes_on_where_it_stopped(examples, manifest, tmp_path, monkeypatch):
    def compute():
        return features.compute(examples[:4], manifest, FRONT_END, cache_root=tmp_path, backend="librosa")

    store, stored = FeatureCache.store, []

    def interrupted(self, key, array):
        if len(stored) == 3:
            raise KeyboardInterrupt
        stored.append(key)
        store(self, key, array)

    with monkeypatch.context() as patch:
        patch.setattr(FeatureCache, "store", interrupted)
        with pytest.raises(KeyboardInterrupt):
            compute()
    assert {path.stem for path in tmp_path.rglob("*.npy")} == set(stored)

    read, in_threads = [], audio.in_threads
    monkeypatch.setattr(audio, "in_threads", lambda one, *items: read.append(items) or in_threads(one, *items))
    compute()
    (paths,), _ = sorted(read, key=len)
    assert [path for path, _ in paths] == [manifest["path"][3]]


def test_a_parameter_a_transform_and_the_sound_itself_are_told_apart(examples, together):
    values, _ = together
    assert len(np.unique(values.reshape(28, -1), axis=0)) == 28


def test_the_same_sound_under_another_name_is_found(examples, manifest, together, tmp_path, monkeypatch):
    paths = []
    for path in manifest["path"]:
        waveform, rate = audio.read(path)
        paths.append(str(tmp_path / f"{len(paths)}.wav"))
        audio.write(paths[-1], waveform, rate)
    moved, _ = features.with_audio_hash(unread(manifest, path=paths))
    values, root = together
    monkeypatch.setattr(audio, "in_threads", None)
    np.testing.assert_array_equal(features.compute(examples, moved, FRONT_END, cache_root=root), values)


def test_a_file_that_changed_or_vanished_since(manifest, tmp_path):
    path = tmp_path / "clip.wav"
    waveform, rate = audio.read(manifest["path"][0])
    audio.write(path, waveform, rate)
    clip, _ = features.with_audio_hash(unread(manifest[:1], path=str(path)))
    examples = REPORT.augmentation(clip, 0)[:1]
    audio.write(path, waveform[::-1], rate)
    with pytest.raises(UserError, match=r"clip\.wav: the file has changed"):
        features.compute(examples, clip, FRONT_END, cache_root=tmp_path / "cache")
    path.unlink()
    with pytest.raises(UserError, match=r"clip\.wav: no such file"):
        features.compute(examples, clip, FRONT_END, cache_root=tmp_path / "cache")
    assert not list(tmp_path.rglob("*.npy"))


@pytest.mark.slow
def test_another_rate_is_resampled(manifest, together, tmp_path):
    waveform, _ = audio.read(manifest["path"][0])
    high = 0.5 * librosa_reference.resample(waveform, 16000, 48000)
    audio.write(tmp_path / "high.wav", high, 48000)
    clip, _ = features.with_audio_hash(unread(manifest[:1], path=str(tmp_path / "high.wav")))
    assert (clip["rate"][0], clip["samples"][0]) == (48000, len(high))
    values = features.compute(REPORT.augmentation(clip, 0)[:1], clip, FRONT_END, cache_root=tmp_path)
    np.testing.assert_allclose(values[0], FRONT_END.reference(high, 48000), rtol=0, atol=0.05)
    assert np.corrcoef(values[0].ravel(), together[0][0].ravel())[0, 1] > 0.99


@pytest.mark.slow
@pytest.mark.parametrize("backend", features.BACKENDS)
def test_a_front_end_may_hear_the_first_channel_at_its_own_rate(backend, manifest, tmp_path):
    front_end = reports.load("four_corpora").experiment("cnn").front_end
    waveform, _ = audio.read(manifest["path"][0])
    channels = np.stack([0.5 * waveform, 0.2 * waveform[::-1]], axis=1)
    clips = unread(manifest[:3], path=[str(tmp_path / f"{rate}.wav") for rate in (16000, 24414, 48000)])
    for path in clips["path"]:
        soundfile.write(path, channels, int(path.split("/")[-1][:-4]), subtype="FLOAT")
    clips, _ = features.with_audio_hash(clips)
    values = features.compute(
        reports.load("four_corpora").augmentation(clips, 0), clips, front_end, cache_root=tmp_path, backend=backend
    )
    expected = front_end.reference(channels[:, 0], 16000)
    for row in values:  # whatever the rate
        np.testing.assert_allclose(row, expected, rtol=0, atol=3e-3)


def test_clips_that_cannot_be_used_are_excluded(manifest, tmp_path):
    (tmp_path / "broken.wav").write_bytes(b"no sound")
    audio.write(tmp_path / "silent.wav", np.zeros(100, np.float32), 16000)
    clips = unread(manifest)
    clips.loc[0, "path"], clips.loc[1, "path"] = str(tmp_path / "broken.wav"), str(tmp_path / "silent.wav")
    usable, problems = features.with_audio_hash(clips)
    assert list(usable["clip"]) == list(manifest["clip"][2:])
    assert list(usable.index) == [0, 1]
    pd.testing.assert_frame_equal(usable, manifest[2:].reset_index(drop=True), check_dtype=False)
    assert len(problems) == 2
    assert "broken.wav" in problems[0]
    assert "silent" in problems[1]
    assert not any("\n" in problem for problem in problems)
    with pytest.raises(UserError, match="none of the 2 files can be used"):
        features.with_audio_hash(clips[:2])


def test_own_recordings_of_the_same_samples_under_two_emotions_are_excluded(manifest, tmp_path, caplog):
    """Nothing says which is right. Corpora are taken as they were published."""
    emotions = ["anger", "anger", "fear", "anger", "anger", "sadness"]
    rows = unread(manifest.iloc[[0, 1, 2, 3, 1, 0]], emotion=emotions, clip=list("abcdef"))
    for row, clip in enumerate("abcdef"):
        shutil.copy(rows["path"].iloc[row], tmp_path / f"{clip}.wav")
    rows["path"] = [str(tmp_path / f"{clip}.wav") for clip in "abcdef"]
    assert list(features.with_audio_hash(rows)[0]["clip"]) == list("abcdef")
    assert not caplog.messages
    for corpus in ("table", "folders"):
        caplog.clear()
        usable, problems = features.with_audio_hash(rows.assign(corpus=corpus))
        assert list(usable["clip"]) == list("bcde")  # e is b again, under the same emotion
        assert list(usable.index) == [0, 1, 2, 3]
        assert not problems
        example = f"{tmp_path / 'a.wav'} (anger), as {tmp_path / 'f.wav'} (sadness)"
        said = "recordings have the samples of another one that has a different emotion"
        assert caplog.messages == [f"2 {said} and are excluded, the first {example}: choose one emotion for each"]
    with pytest.raises(UserError, match=f"all 2 {said}: choose one emotion for each; the first: "):
        features.with_audio_hash(rows.iloc[[0, 5]].assign(corpus="table"))


def test_a_recipe_knows_the_backend_and_the_rate():
    ours, by_libraries = (features.recipe(FRONT_END, backend) for backend in features.BACKENDS)
    again = features.front_end_facts.__wrapped__(FRONT_END, "tensorflow")
    assert again.items() <= ours.items()  # a graph built twice has other names
    assert ours != by_libraries
    other_rate = dataclasses.replace(FRONT_END, sample_rate=8000)
    for backend in features.BACKENDS:
        assert features.recipe(FRONT_END, backend) != features.recipe(other_rate, backend)


def code_of(report, name):
    """What a recipe of the backend librosa says of an experiment's front end, as if for the first time."""
    front_end = reports.load(report).experiment(name).front_end
    return features.front_end_facts.__wrapped__(front_end, "librosa")


@pytest.mark.parametrize(
    ("module", "constant", "value"),
    [
        (emodb_losses, "features_by_librosa", lambda y, sr: y),
        (spectral_features, "BANDS", ((300, 626), *spectral_features.BANDS[1:])),
        (spectral_features, "N_SAMPLES", 144721),
        (spectral_features, "band_shapes", lambda y, sr, **_: {}),
    ],
)
def test_a_recipe_of_the_libraries_knows_the_reports_own_code_and_constants(module, constant, value, monkeypatch):
    bands, wave = (("spectral_features", name) for name in ("svm/energy", "cnn_1d/int16"))
    before = [code_of(*name) for name in (bands, wave)]
    monkeypatch.setattr(module, constant, value)
    after = [code_of(*name) for name in (bands, wave)]
    used_by = {"BANDS": [True, False], "band_shapes": [True, False], "N_SAMPLES": [False, True]}
    changed = [one != other for one, other in zip(before, after, strict=True)]
    assert changed == used_by.get(constant, [False, False])


def test_features_without_a_listing_by_librosa(examples, manifest, tmp_path):
    of_graph_alone = dataclasses.replace(FRONT_END, name="descriptors", reference=None)
    with pytest.raises(
        UserError, match=r"^the features descriptors are computed by TensorFlow alone: leave out --backend"
    ):
        features.compute(examples, manifest, of_graph_alone, cache_root=tmp_path, backend="librosa")


def test_unknown_backend(examples, manifest, tmp_path):
    with pytest.raises(UserError, match="there is no backend 'torch'"):
        features.compute(examples, manifest, FRONT_END, cache_root=tmp_path, backend="torch")


@pytest.mark.parametrize("backend", features.BACKENDS)
def test_an_unknown_transform_is_no_silent_copy(backend, examples, manifest, tmp_path):
    unknown = examples[:1].assign(transform="speed")
    with pytest.raises(ValueError, match="Received: transform='speed'"):
        features.compute(unknown, manifest, FRONT_END, cache_root=tmp_path, backend=backend)


def test_clips_of_one_length_stay_in_their_order():
    table = pd.DataFrame({"rate": 16000, "transform": "none", "samples": [4000, 8000] * 300})
    order = np.concatenate(features.batches(table))  # whatever machine sorts
    np.testing.assert_array_equal(order, [*range(1, 600, 2), *range(0, 600, 2)])
