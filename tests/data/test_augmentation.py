import numpy as np
import pandas as pd
from hypothesis import given
from hypothesis import strategies as st

from keras_ser.data.augmentation import Copies, draw, originals, with_copies

CLIPS = pd.DataFrame({"clip": [f"clip{number}" for number in range(200)]})
PLAN = (Copies("pitch_shift", 3, -3.0, 3.0), Copies("time_stretch", 3, 0.8, 1.2))


def test_copies_stand_after_the_clips_in_the_reports_order():
    table = with_copies(CLIPS, 0, PLAN)
    assert len(table) == 200 * 7
    assert list(table["transform"].drop_duplicates()) == ["none", "pitch_shift", "time_stretch"]
    pd.testing.assert_frame_equal(table[:200], originals(CLIPS))
    assert list(table["clip"][200:204]) == ["clip0", "clip0", "clip0", "clip1"]
    assert list(table["copy"][200:203]) == [1, 2, 3]
    assert list(table["copy"][800:803]) == [4, 5, 6]


def test_parameters_are_uniform_over_their_range():
    table = with_copies(CLIPS, 0, PLAN)
    for copies in PLAN:
        parameter = table["parameter"][table["transform"] == copies.transform]
        assert parameter.between(copies.low, copies.high, inclusive="left").all()
        assert parameter.nunique() == 600
        counts, _ = np.histogram(parameter, 4, (copies.low, copies.high))
        assert counts.min() > 110  # 150 expected, standard deviation 11


def test_parameters_do_not_depend_on_the_other_clips():
    whole, part = with_copies(CLIPS, 5, PLAN), with_copies(CLIPS[::-3], 5, PLAN)
    merged = part.merge(whole, on=["clip", "copy", "transform"])
    assert len(merged) == len(part)
    assert (merged["parameter_x"] == merged["parameter_y"]).all()


@given(st.integers(0, 1000), st.text(max_size=9), st.integers(0, 9))
def test_a_draw_depends_on_every_key(seed, clip, copy):
    one = draw(seed, clip, copy, "pitch_shift", -3.0, 3.0)
    assert one == draw(seed, clip, copy, "pitch_shift", -3.0, 3.0)
    others = [(seed + 1, clip, copy, "pitch_shift"), (seed, clip + "x", copy, "pitch_shift")]
    others += [(seed, clip, copy + 1, "pitch_shift"), (seed, clip, copy, "time_stretch")]
    assert one not in [draw(*other, -3.0, 3.0) for other in others]
