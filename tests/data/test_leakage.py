import pandas as pd

from keras_ser.data.leakage import shared

CLIPS = pd.DataFrame(
    {
        "clip": ["a", "b", "c", "d"],
        "content": ["x", "y", "y", "z"],  # b and c: one recording under two names
        "speaker": ["1", "1", "2", "3"],
        "sentence": ["s", "t", "s", "s"],
    }
)


def sided(**clips):
    return pd.DataFrame([(clip, side) for side, names in clips.items() for clip in names], columns=["clip", "side"])


def test_by_hand():
    assert shared(sided(train="ab", test="acd"), CLIPS) == {
        "test": 3,
        "clip": 1,
        "content": 2,
        "speaker": 1,
        "sentence": 3,
    }


def test_every_copy_in_test_counts_and_copies_in_train_do_not():
    assert shared(sided(train="aaa", test="aad"), CLIPS)["clip"] == 2


def test_validation_is_neither():
    assert shared(sided(train="b", validation="acd", test="d"), CLIPS) == {
        "test": 1,
        "clip": 0,
        "content": 0,
        "speaker": 0,
        "sentence": 0,
    }
