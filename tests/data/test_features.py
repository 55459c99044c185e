import numpy as np
import pandas as pd
import pytest

from keras_ser import audio, corpora, reports
from keras_ser.data import features
from keras_ser.errors import UserError


@pytest.fixture(scope="module")
def report():
    return reports.load("emodb_losses")


@pytest.fixture(scope="module")
def manifest(embedded):
    clips = corpora.manifest("emodb", embedded)[:5]
    return features.with_content(clips)[0]


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
        assert len(step) == 1 or len(step) * rows["samples"].max() <= features.BATCH_SAMPLES


def test_in_graph_and_by_the_libraries(report, manifest, tmp_path):
    examples = report.copies(manifest, 0)
    plain = examples["transform"] == "none"
    ours = features.compute(examples, manifest, report, cache_root=tmp_path)
    theirs = features.compute(examples, manifest, report, cache_root=tmp_path, engine="reference")
    assert ours.shape == theirs.shape == (35, 13, 150)
    np.testing.assert_allclose(ours[plain], theirs[plain], rtol=0, atol=1e-3)
    # Copies pass through the phase vocoder and, where shifted, another resampler.
    assert np.corrcoef(ours.ravel(), theirs.ravel())[0, 1] > 0.99


def test_alone_and_in_a_batch(report, manifest, tmp_path):
    examples = report.copies(manifest, 0)
    together = features.compute(examples, manifest, report, cache_root=tmp_path / "a")
    for row in (0, 7, 34):
        alone = features.compute(examples[row : row + 1], manifest, report, cache_root=tmp_path / "b")
        np.testing.assert_allclose(alone[0], together[row], rtol=0, atol=1e-3)


def test_nothing_is_computed_twice_and_what_is_missing_is(report, manifest, tmp_path, monkeypatch):
    examples = report.copies(manifest, 0)
    first = features.compute(examples, manifest, report, cache_root=tmp_path)
    stored = sorted(tmp_path.rglob("*.npy"))
    assert len(stored) == 35
    for path in stored[::4]:
        path.unlink()
    read = []
    monkeypatch.setattr(audio, "read_many", lambda paths: [read.append(path) or audio.read(path) for path in paths])
    np.testing.assert_allclose(
        features.compute(examples, manifest, report, cache_root=tmp_path), first, rtol=0, atol=1e-4
    )
    assert len(read) == len(stored[::4])
    read.clear()
    features.compute(examples, manifest, report, cache_root=tmp_path)
    assert not read


def test_another_rate_is_resampled(report, manifest, tmp_path):
    waveform, _ = audio.read(manifest["path"][0])
    audio.write(tmp_path / "high.wav", np.repeat(waveform, 3) * 0.5, 48000)
    clip = manifest[:1].assign(path=str(tmp_path / "high.wav"))
    clip = features.with_content(clip.drop(columns=["content", "rate", "samples"]))[0]
    assert clip["rate"][0] == 48000
    values = features.compute(report.copies(clip, 0), clip, report, cache_root=tmp_path / "cache")
    expected = report.reference(np.repeat(waveform, 3) * 0.5, 48000)
    np.testing.assert_allclose(values[0], expected, rtol=0, atol=0.05)


def test_clips_that_cannot_be_used_are_left_out(manifest, tmp_path):
    (tmp_path / "broken.wav").write_bytes(b"no sound")
    audio.write(tmp_path / "silent.wav", np.zeros(100, np.float32), 16000)
    clips = manifest.drop(columns=["content", "rate", "samples"]).copy()
    clips.loc[0, "path"], clips.loc[1, "path"] = str(tmp_path / "broken.wav"), str(tmp_path / "silent.wav")
    usable, problems = features.with_content(clips)
    assert len(usable) == 3
    assert "broken.wav" in problems[0]
    assert "silent" in problems[1]
    with pytest.raises(UserError, match="none of the 2 files can be used"):
        features.with_content(clips[:2])


def test_unknown_engine(report, manifest, tmp_path):
    with pytest.raises(UserError, match="no feature engine 'torch'"):
        features.compute(report.copies(manifest, 0), manifest, report, cache_root=tmp_path, engine="torch")
