import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from keras_ser.data.cache import FeatureCache
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


@pytest.fixture(scope="module")
def damaged(tmp_path_factory):
    cache = FeatureCache(tmp_path_factory.mktemp("cache"), {})
    cache.store("one", np.arange(6, dtype=np.float32))
    return cache, (cache.folder / "one.npy").read_bytes()


@given(st.integers(6, 127), st.binary(min_size=1, max_size=3), st.integers(0, 152))
def test_no_damage_stops_a_run(damaged, place, junk, length):
    cache, whole = damaged
    (cache.folder / "one.npy").write_bytes((whole[:place] + junk + whole[place + len(junk) :])[:length])
    (found,) = cache.load(["one"])
    assert found is None or isinstance(found, np.ndarray)


def test_damage_that_python_cannot_even_split_into_words(damaged):
    cache, whole = damaged
    (cache.folder / "one.npy").write_bytes(whole.replace(b"}", b"("))
    assert cache.load(["one"]) == [None]


@pytest.mark.parametrize("stop", [KeyboardInterrupt, MemoryError])
def test_an_interrupt_leaves_nothing_partial(tmp_path, monkeypatch, stop):
    cache = FeatureCache(tmp_path, {})

    def interrupt(*_):
        raise stop

    monkeypatch.setattr(np, "save", interrupt)
    with pytest.raises(stop):
        cache.store("one", np.ones(3))
    assert [path.name for path in cache.folder.iterdir()] == ["recipe.json"]


def test_a_full_disk_leaves_nothing_partial(tmp_path, small_disk):
    cache = FeatureCache(tmp_path, {})
    cache.store("small", np.ones(3))
    with small_disk(2000), pytest.raises(UserError, match="No space left on device: free some space") as told:
        cache.store("one", np.ones(30_000))
    assert "\n" not in str(told.value)
    assert sorted(path.name for path in cache.folder.iterdir()) == ["recipe.json", "small.npy"]


def test_a_folder_that_cannot_be_made(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match=r"cannot write .*: Not a directory: a file is where a folder is needed"):
        FeatureCache(tmp_path / "file", {})
