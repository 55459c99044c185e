"""Examples whose features are made when they are needed: the same as the cached ones, and never more than needed."""

import os
import pickle
import threading

import numpy as np
import pandas as pd
import pytest
import tensorflow as tf

from keras_ser import corpora, reports
from keras_ser.data import augmentation, features, streaming
from keras_ser.errors import UserError

REPORT = reports.load("emodb_losses")
FRONT_END = REPORT.experiments[0].front_end


@pytest.fixture(scope="module")
def manifest(embedded):
    """Two clips at 16 kHz and two at 48 kHz."""
    return features.with_audio_hash(
        pd.concat([corpora.manifest(name, embedded)[:2] for name in ("emodb", "ravdess")], ignore_index=True)
    )[0]


@pytest.fixture(scope="module")
def examples(manifest):
    return REPORT.augmentation(manifest, 0)  # 28 of 6 kinds


@pytest.fixture(scope="module")
def stream(examples, manifest):
    return streaming.stream(examples, manifest, FRONT_END, seed=0, fresh=True)


def parameters(stream, epoch, batch_size=8):
    """Of each example in turn."""
    return np.concatenate([inputs[2].numpy() for inputs, _ in stream.batches(stream.numbered(), batch_size, epoch)])


@pytest.mark.slow
def test_features_are_those_that_are_cached(stream, examples, manifest, tmp_path):
    cached = features.compute(examples, manifest, FRONT_END, cache_root=tmp_path)
    assert stream.shape == cached.shape
    np.testing.assert_allclose(np.asarray(stream), cached, rtol=0, atol=1e-4)
    some = np.array([25, 3, 3, 11])
    np.testing.assert_allclose(np.asarray(stream[some]), cached[some], rtol=0, atol=1e-4)
    np.testing.assert_allclose(np.asarray(streaming.joined([stream[1:3], stream[:1]])), cached[[1, 2, 0]], atol=1e-4)


@pytest.mark.slow
def test_decoding_is_lazy(manifest, monkeypatch):
    decoded = []
    monkeypatch.setattr(features, "decode", lambda path, *_: decoded.append(path) or np.zeros(10, np.float32))
    examples = pd.concat([augmentation.originals(manifest)] * 500, ignore_index=True)
    many = streaming.stream(examples, manifest, FRONT_END, seed=0)
    assert many[::2].shape == (1000, 13, 150)
    batches = iter(many.batches(many.numbered(), 2))
    assert decoded == []
    next(batches)
    assert 2 <= len(decoded) < 500  # what is under way: some batches, and one clip per core
    assert len(list(batches)) == 999
    assert len(decoded) == 2000


def test_several_recordings_are_decoded_at_a_time(stream, monkeypatch):
    """Where operations are deterministic, too, and the epoch counts."""
    if len(os.sched_getaffinity(0)) < 2:
        pytest.skip("one core decodes one recording at a time")
    tf.config.experimental.enable_op_determinism()
    both = threading.Barrier(2, timeout=30)
    waiting = iter([both.wait] * 2)
    monkeypatch.setattr(features, "decode", lambda *_: (next(waiting, int)(), np.zeros(10, np.float32))[1])
    shuffled = stream.numbered().shuffle(28, seed=0, reshuffle_each_iteration=True)
    assert len(list(stream.batches(shuffled, 8, int))) == 4


def test_fresh_parameters_are_drawn_anew_each_epoch_from_the_same_range(stream, examples):
    found = [parameters(stream, lambda number=number: number) for number in range(3)]
    listed = parameters(stream, None)
    np.testing.assert_array_equal(listed, examples["parameter"].astype(np.float32))
    augmented = (examples["copy"] > 0).to_numpy()
    for one in found:
        assert (one[~augmented] == 0).all()
        assert (one >= examples["low"].astype(np.float32)).all()
        assert (one <= examples["high"].astype(np.float32)).all()
    assert all(len({*draws}) == 4 for draws in np.transpose([*found, listed])[augmented])


def test_a_draw_depends_on_seed_epoch_clip_and_copy_alone(stream, examples, manifest):
    def third():
        return 3

    whole = parameters(stream, third)
    order = np.arange(len(stream))[::-3]
    np.testing.assert_array_equal(parameters(stream[order], third, batch_size=2), whole[order])
    np.testing.assert_array_equal(parameters(pickle.loads(pickle.dumps(stream)), third), whole)  # as a worker has it
    other = streaming.stream(examples, manifest, FRONT_END, seed=1, fresh=True)
    assert (parameters(other, third) != whole).sum() == 24


def test_what_states_no_range_cannot_be_drawn_anew(examples, manifest):
    without = examples[list(augmentation.DECIDING)]
    assert len(streaming.stream(without, manifest, FRONT_END, seed=0)) == 28
    with pytest.raises(UserError, match="the augmentation states no low, high"):
        streaming.stream(without, manifest, FRONT_END, seed=0, fresh=True)


def test_a_recording_that_cannot_be_decoded_is_named(examples, manifest, tmp_path):
    path = tmp_path / "gone.wav"
    broken = manifest.assign(path=[*manifest["path"][:3], str(path)])
    values = streaming.stream(examples, broken, FRONT_END, seed=0)
    with pytest.raises(UserError) as caught, streaming.explained(values):
        np.asarray(values)
    assert str(caught.value) == f"{path}: no such file"
