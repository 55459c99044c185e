import json

import numpy as np
import pytest

from keras_ser.data.cache import FeatureCache, digest
from keras_ser.errors import UserError


def test_round_trip_and_what_is_not_there(tmp_path, rng):
    cache, array = FeatureCache(tmp_path, {"n_mfcc": 12}), rng.normal(size=(13, 150)).astype(np.float32)
    cache.store("one", array)
    found, missing = cache.load(["one", "two"])
    np.testing.assert_array_equal(found, array)
    assert missing is None
    assert json.loads((cache.folder / "recipe.json").read_text()) == {"n_mfcc": 12}


def test_another_recipe_finds_nothing(tmp_path):
    FeatureCache(tmp_path, {"n_mfcc": 12}).store("one", np.ones(3))
    assert FeatureCache(tmp_path, {"n_mfcc": 13}).load(["one"]) == [None]


@pytest.mark.parametrize("damage", [b"", b"not an array", b"\x93NUMPY\x01\x00"])
def test_a_damaged_file_counts_as_missing(tmp_path, damage):
    cache = FeatureCache(tmp_path, {})
    (cache.folder / "one.npy").write_bytes(damage)
    assert cache.load(["one"]) == [None]


def test_a_full_disk_leaves_nothing_partial(tmp_path, monkeypatch):
    cache = FeatureCache(tmp_path, {})

    def full(file, _):
        file.write(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(np, "save", full)
    with pytest.raises(UserError, match="No space left on device"):
        cache.store("one", np.ones(3))
    assert [path.name for path in cache.folder.iterdir()] == ["recipe.json"]


def test_a_folder_that_cannot_be_made(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="cannot write the feature cache"):
        FeatureCache(tmp_path / "file", {})


def test_digest_ignores_the_order_of_keys():
    assert digest({"a": 1, "b": 2}) == digest({"b": 2, "a": 1}) != digest({"a": 2, "b": 1})
