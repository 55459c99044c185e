import pandas as pd
import pytest

from keras_ser import corpora
from keras_ser.data import leakage, protocols
from keras_ser.data.examples import Copies, with_copies
from keras_ser.errors import UserError
from keras_ser.report import Split

SPLIT = Split(validation=0.15, test=0.15, random_state=42, n_folds=5)
PLAN = (Copies("pitch_shift", 3, -3.0, 3.0), Copies("time_stretch", 3, 0.8, 1.2))
EMOTIONS = ("anger", "fear", "neutral")
HONEST = [name for name in protocols.PROTOCOLS if name != "as_reported"]


def manifest(n_speakers=10, n_sentences=10, emotions=EMOTIONS):
    rows = [
        {"speaker": f"s{speaker}", "gender": ("female", "male")[speaker % 2], "sentence": sentence, "emotion": emotion}
        for speaker in range(n_speakers)
        for sentence in range(n_sentences)
        for emotion in emotions
    ]
    table = pd.DataFrame(rows)
    table["clip"] = [f"{row.speaker}-{row.sentence}-{row.emotion}" for row in table.itertuples()]
    return table.assign(content=table["clip"])


def sided(name, clips, seed=0):
    return protocols.assign(name, with_copies(clips, seed, PLAN), clips, SPLIT, seed)


def sides_of(table, clips, column):
    values = table["clip"].map(clips.set_index("clip", drop=False)[column])
    return {side: set(values[table["side"] == side]) for side in protocols.SIDES}


@pytest.mark.parametrize("name", protocols.PROTOCOLS)
def test_every_example_has_one_side_and_a_seed_repeats(name):
    clips = manifest()
    table = sided(name, clips)
    assert set(table["side"]) == set(protocols.SIDES)
    assert not table.duplicated(["clip", "copy"]).any()
    pd.testing.assert_frame_equal(table, sided(name, clips))
    assert not table["side"].equals(sided(name, clips, seed=1)["side"])


@pytest.mark.parametrize("name", HONEST)
@pytest.mark.parametrize("seed", range(6))
def test_no_clip_is_on_two_sides_and_copies_are_in_train_only(name, seed):
    clips = manifest()
    table = sided(name, clips, seed)
    clips_of = sides_of(table, clips, "clip")
    assert not clips_of["train"] & clips_of["test"]
    assert not clips_of["train"] & clips_of["validation"]
    assert not clips_of["validation"] & clips_of["test"]
    assert (table["copy"][table["side"] != "train"] == 0).all()
    train = table[table["side"] == "train"]
    assert (train.groupby("clip").size() == 7).all()
    assert leakage.shared(table, clips)["clip"] == 0


@pytest.mark.parametrize(
    ("name", "columns"),
    [
        ("speaker_independent", ["speaker"]),
        ("sentence_independent", ["sentence"]),
        ("speaker_sentence_independent", ["speaker", "sentence"]),
    ],
)
@pytest.mark.parametrize("seed", range(6))
def test_what_is_held_out_is_new(name, columns, seed):
    clips = manifest()
    table = sided(name, clips, seed)
    for column in columns:
        values = sides_of(table, clips, column)
        assert not values["test"] & (values["train"] | values["validation"])
        assert leakage.shared(table, clips)[column] == 0


def test_five_seeds_test_every_speaker_once_a_woman_and_a_man_at_a_time():
    clips = manifest()
    tested = [sides_of(sided("speaker_independent", clips, seed), clips, "speaker")["test"] for seed in range(5)]
    assert sorted(speaker for group in tested for speaker in group) == sorted(clips["speaker"].unique())
    gender = clips.drop_duplicates("speaker").set_index("speaker")["gender"]
    assert all(sorted(gender[list(group)]) == ["female", "male"] for group in tested)
    again = [sides_of(sided("speaker_independent", clips, seed), clips, "speaker")["test"] for seed in range(5, 10)]
    assert again != tested


def test_two_speakers_leave_clips_of_one_for_validation():
    clips = manifest(n_speakers=2)
    speakers = sides_of(sided("speaker_independent", clips), clips, "speaker")
    assert speakers["train"] == speakers["validation"]
    assert speakers["train"] != speakers["test"]
    assert len(speakers["test"]) == 1


def test_emodb_has_the_reports_sizes(real_data):
    clips = corpora.manifest("emodb", real_data)
    table = sided("as_reported", clips)
    assert table["side"].value_counts().to_dict() == {"train": 2621, "validation": 562, "test": 562}
    shared = leakage.shared(table, clips.assign(content=clips["clip"]))
    assert shared["clip"] > 550  # of 562: the leak that the report did not see
    tested = [sides_of(sided("speaker_independent", clips, seed), clips, "speaker")["test"] for seed in range(5)]
    assert sorted(speaker for group in tested for speaker in group) == sorted(clips["speaker"].unique())


def test_shared_counts_by_hand():
    clips = pd.DataFrame(
        {
            "clip": ["a", "b", "c", "d"],
            "content": ["x", "y", "y", "z"],  # b and c: one recording under two names
            "speaker": ["1", "1", "2", "3"],
            "sentence": ["s", "t", "s", "s"],
        }
    )
    table = pd.DataFrame({"clip": ["a", "b", "a", "c", "d"], "side": ["train", "train", "test", "test", "test"]})
    assert leakage.shared(table, clips) == {"test": 3, "clip": 1, "content": 2, "speaker": 1, "sentence": 3}


@pytest.mark.parametrize(
    ("name", "clips", "said"),
    [
        ("speaker_independent", manifest(n_speakers=1), "one speaker"),
        ("sentence_independent", manifest(n_sentences=1), "one sentence"),
        ("clip_disjoint", manifest(n_speakers=1, n_sentences=1)[:1], "too few"),
        ("clip_disjoint", manifest(n_speakers=2, n_sentences=1), "too small"),
        ("leave_one_out", manifest(), "choose from as_reported"),
    ],
)
def test_what_cannot_be_split(name, clips, said):
    with pytest.raises(UserError, match=said):
        sided(name, clips)
