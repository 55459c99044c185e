import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from sklearn.model_selection import train_test_split

from keras_ser import corpora, reports
from keras_ser.data import leakage, protocols
from keras_ser.data.augmentation import Copies, originals, with_copies
from keras_ser.data.protocols import SpeakerSplit, Split, StratifiedSplit
from keras_ser.errors import UserError

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


def test_as_reported_has_the_reports_sizes_of_3745_examples():
    clips = manifest(n_speakers=107, n_sentences=5, emotions=("anger",))  # 535
    table = protocols.as_reported(with_copies(clips, 0, PLAN), clips, SPLIT, 0)
    assert len(table) == 3745
    assert table["side"].value_counts().to_dict() == {"train": 2621, "validation": 562, "test": 562}


def test_as_reported_draws_the_reports_own_calls():
    clips = manifest()
    examples = with_copies(clips, 0, PLAN)
    train, rest = train_test_split(examples, test_size=0.3, random_state=42)
    test, validation = train_test_split(rest, test_size=0.5, random_state=42)
    table = sided("as_reported", clips)
    for side, expected in (("train", train), ("validation", validation), ("test", test)):
        assert set(table.index[table["side"] == side]) == set(expected.index)


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


@settings(max_examples=40)
@given(
    st.sampled_from(HONEST),
    st.integers(2, 12),
    st.integers(3, 8),
    st.integers(0, 1000),
    st.integers(2, 7),
)
def test_whatever_the_corpus_what_is_held_out_is_new(name, n_speakers, n_sentences, seed, n_folds):
    clips = manifest(n_speakers, n_sentences)
    split = Split(validation=0.15, test=0.15, random_state=42, n_folds=n_folds)
    examples = with_copies(clips, seed, PLAN[:1])
    try:
        table = protocols.assign(name, examples, clips, split, seed)
    except UserError:  # too small
        assume(False)
    counts = leakage.shared(table, clips)
    assert counts["clip"] == 0
    assert all(counts[column] == 0 for column in ("speaker", "sentence") if f"{column}_" in name)
    assert (table["copy"][table["side"] != "train"] == 0).all()
    assert not table.duplicated(["clip", "copy"]).any()
    clips_of = sides_of(table, clips, "clip")
    assert not clips_of["validation"] & (clips_of["test"] | clips_of["train"])


@pytest.mark.parametrize("column", ["speaker", "sentence"])
@pytest.mark.parametrize("n_groups", [2, 3, 4, 5, 7, 24])
def test_as_many_seeds_as_folds_test_every_group_once(column, n_groups):
    clips = manifest(**{f"n_{column}s": n_groups})
    n_folds = min(5, n_groups)
    tested = [sides_of(sided(f"{column}_independent", clips, seed), clips, column)["test"] for seed in range(n_folds)]
    assert sorted(name for group in tested for name in group) == sorted(clips[column].unique())
    assert max(map(len, tested)) - min(map(len, tested)) <= 1


@pytest.mark.parametrize("name", ["speaker_independent", "sentence_independent", "speaker_sentence_independent"])
def test_the_order_of_the_clips_does_not_matter_where_groups_are_dealt(name):
    """It does in as_reported and clip_disjoint, which draw rows as the report does."""
    clips = manifest()
    one, other = (
        sided(name, table).sort_values(["clip", "copy"]).reset_index(drop=True)
        for table in (clips, clips.sample(frac=1, random_state=1).reset_index(drop=True))
    )
    pd.testing.assert_frame_equal(one, other)


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
    gender = clips.drop_duplicates("speaker").set_index("speaker")["gender"]
    assert all(sorted(gender[list(group)]) == ["female", "male"] for group in tested)


@pytest.mark.parametrize("corpus", ["emodb", "tess", "ravdess"])
@pytest.mark.parametrize("name", reports.load("emodb_losses").protocols)
def test_every_emotion_of_real_corpora_is_on_every_side(real_data, corpus, name):
    clips = corpora.manifest(corpus, real_data)
    table = sided(name, clips)
    emotion = table["clip"].map(clips.set_index("clip")["emotion"])
    assert (emotion.groupby(table["side"]).nunique() == clips["emotion"].nunique()).all()
    counts = leakage.shared(table, clips.assign(content=clips["clip"]))
    assert (counts["clip"] > 0) == (name == "as_reported")
    assert (counts["speaker"] > 0) == (name != "speaker_independent")


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


def test_a_stratified_split_has_every_emotion_on_every_side():
    emotion = np.repeat(["anger", "fear", "sadness"], [20, 15, 12])
    manifest = pd.DataFrame({"clip": [str(i) for i in range(47)], "emotion": emotion})
    split = StratifiedSplit(validation=0.035, test=0.3, random_state=42, n_folds=5)
    sided = protocols.clip_disjoint(originals(manifest), manifest, split, 0)
    counts = pd.crosstab(sided["side"], emotion[sided["clip"].astype(int)])
    assert counts.loc["validation"].tolist() == [1, 1, 1]
    assert counts.loc["test"].tolist() == [6, 5, 4]


@pytest.mark.parametrize("validation", [(), ("s7", "s8")])
def test_folders_train_and_test_are_sides(validation):
    clips = manifest()
    clips["split"] = np.where(clips["speaker"].isin(["s0", "s1"]), "test", "train")
    clips.loc[clips["speaker"].isin(validation), "split"] = "validation"
    split = SpeakerSplit(validation=0.25, test=0.5, random_state=0, n_folds=4, test_speakers=("05",))
    table = protocols.assign("as_reported", originals(clips), clips, split, 0)
    sides = sides_of(table, clips, "clip")
    assert sides["test"] == set(clips["clip"][clips["split"] == "test"])
    if validation:
        assert sides["validation"] == set(clips["clip"][clips["split"] == "validation"])
    else:  # half as many as are left
        assert len(sides["validation"]) == 120
        other = protocols.assign("as_reported", originals(clips), clips, split, 1)
        assert sides_of(other, clips, "clip")["validation"] != sides["validation"]
