"""Numbers of the clips."""

import pandas as pd
import pytest

from keras_ser.analysis import clips

MANIFEST = pd.DataFrame(
    [("tess", "a", "female", 100), ("tess", "a", "female", 300), ("tess", "b", "", 200), ("emodb", "b", "male", 400)],
    columns=["corpus", "emotion", "gender", "samples"],
).assign(rate=100)


def test_clips_per_class_by_gender():
    counts = clips.per_class(MANIFEST, ["b", "c", "a"])
    assert counts.index.to_list() == ["b", "c", "a"]
    assert counts.to_dict("list") == {"female": [0, 0, 2], "male": [1, 0, 0], "unknown": [1, 0, 0]}


def test_shares_and_durations_in_each_corpus():
    """A class that no clip is of has no row; one that a corpus lacks has a share of 0 there, and no duration."""
    table = clips.by_corpus(MANIFEST, ["b", "c", "a"]).set_index(["corpus", "label"])
    assert table.index.to_list() == [("tess", "b"), ("tess", "a"), ("emodb", "b"), ("emodb", "a")]
    assert table["share"].to_list() == pytest.approx([1 / 3, 2 / 3, 1, 0])
    assert table["clips"].to_list() == [3, 3, 1, 1]
    assert table["seconds"].to_list() == pytest.approx([2, 2, 4, float("nan")], nan_ok=True)
    assert table.loc[("tess", "a"), "deviation"] == pytest.approx(2**0.5)
    assert table["deviation"].isna().to_list() == [True, False, True, True]
