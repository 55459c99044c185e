import io
import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from keras_ser.data.cache import FeatureCache
from keras_ser.errors import UserError

SHAPE = (2, 13, 150)


@pytest.fixture
def cache(tmp_path):
    return FeatureCache(tmp_path, {"n_mfcc": 12})


@pytest.fixture
def array(rng):
    return rng.normal(size=SHAPE).astype(np.float32)


def test_round_trip_and_what_is_not_there(cache, array):
    cache.store("one", array)
    np.testing.assert_array_equal(cache.load("one", SHAPE), array)
    assert cache.load("two", SHAPE) is None
    assert json.loads((cache.folder / "recipe.json").read_text()) == {"n_mfcc": 12}


def test_another_recipe_finds_nothing(cache, array, tmp_path):
    cache.store("one", array)
    assert FeatureCache(tmp_path, {"n_mfcc": 13}).load("one", SHAPE) is None


def saved(save, *arrays):
    file = io.BytesIO()
    save(file, *arrays)
    return file.getvalue()


ZEROS = np.zeros(SHAPE, np.float32)
DAMAGED = {
    "empty": b"",
    "text": b"not an array",
    "cut": saved(np.save, ZEROS)[:-7],
    "cut in the header": b"\x93NUMPY\x01\x00",
    "another shape": saved(np.save, ZEROS[:1]),
    "a huge shape": saved(np.save, ZEROS).replace(b"(2, 13, 150), }", b"(999999999999)}"),
    "another type": saved(np.save, ZEROS.astype(float)),
    "words": saved(np.save, np.full(SHAPE, "x")),
    "not a number": saved(np.save, ZEROS * np.nan),
    "a zip's magic": b"PK\x03\x04" + bytes(99),
    "a zip": saved(np.savez, ZEROS),
    "a folder": None,
}


@pytest.mark.parametrize("content", DAMAGED.values(), ids=DAMAGED)
def test_a_damaged_file_counts_as_missing_and_is_replaced(cache, array, content):
    path = cache.folder / "one.npy"
    if content is None:
        (path / "inside").mkdir(parents=True)
    else:
        path.write_bytes(content)
    assert cache.load("one", SHAPE) is None
    cache.store("one", array)
    np.testing.assert_array_equal(cache.load("one", SHAPE), array)


@pytest.fixture(scope="module")
def damaged(tmp_path_factory):
    cache = FeatureCache(tmp_path_factory.mktemp("cache"), {})
    cache.store("one", np.arange(6, dtype=np.float32))
    return cache, (cache.folder / "one.npy").read_bytes()


@given(st.integers(6, 127), st.binary(min_size=1, max_size=3), st.integers(0, 152))
def test_no_damage_stops_a_run(damaged, place, junk, length):
    cache, whole = damaged
    (cache.folder / "one.npy").write_bytes((whole[:place] + junk + whole[place + len(junk) :])[:length])
    found = cache.load("one", (6,))
    assert found is None or found.shape == (6,)


def test_damage_that_python_cannot_even_split_into_words(damaged):
    cache, whole = damaged
    (cache.folder / "one.npy").write_bytes(whole.replace(b"}", b"("))
    assert cache.load("one", (6,)) is None


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
