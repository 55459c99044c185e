"""What train and test share: counted by hand, refused, and named as the field names it."""

import pandas as pd
import pytest

from keras_ser.data import leakage
from keras_ser.data.leakage import Fitting, refuse, shared, sheet
from keras_ser.data.protocols import PROTOCOLS, get
from keras_ser.errors import UserError

CLIPS = pd.DataFrame(
    {
        "clip": ["a", "b", "c", "d"],
        "audio_hash": ["x", "y", "y", "z"],  # b and c: one recording under two names
        "speaker": ["1", "1", "2", "3"],
        "sentence": ["s", "t", "s", "s"],
    }
)
NOTHING = {"test": 1, "clip": 0, "audio_hash": 0, "speaker": 0, "sentence": 0}


def assigned(**clips):
    return pd.DataFrame([(clip, split) for split, names in clips.items() for clip in names], columns=["clip", "split"])


def test_by_hand():
    assert shared(assigned(train="ab", test="acd"), CLIPS) == {
        "test": 3,
        "clip": 1,
        "audio_hash": 2,
        "speaker": 1,
        "sentence": 3,
    }


def test_every_version_in_test_counts_and_those_in_train_do_not():
    assert shared(assigned(train="aaa", test="aad"), CLIPS)["clip"] == 2


def test_validation_counts_where_a_model_is_fitted_to_it():
    table = assigned(train="b", validation="acd", test="d")
    assert shared(table, CLIPS) == NOTHING
    assert shared(table, CLIPS, ("train", "validation")) == {**NOTHING, **dict.fromkeys(leakage.PROPERTIES, 1)}


def test_what_nobody_knows_is_not_shared():
    unknown = CLIPS.assign(speaker="", sentence="")
    assert shared(assigned(train="a", test="d"), unknown) == NOTHING


@pytest.mark.parametrize("protocol", PROTOCOLS.values(), ids=lambda protocol: protocol.name)
def test_what_a_protocol_does_not_declare_is_refused(protocol):
    for name in leakage.PROPERTIES:
        counts = {**NOTHING, "test": 8, name: 3}
        if name in protocol.may_share:
            refuse(protocol, counts, "cnn")
        else:
            said = f"cnn: 3 of 8 test examples share the {name} with what the model is fitted to, which {protocol.name}"
            with pytest.raises(UserError, match=said):
                refuse(protocol, counts, "cnn")


def test_honest_protocols_declare_neither_clips_nor_duplicates():
    for protocol in PROTOCOLS.values():
        assert (protocol.name == "as_reported") == bool({"clip", "audio_hash"} & protocol.may_share)
        assert not set(protocol.held_out) & protocol.may_share


TYPES = ["L1.1", "L1.2", "L1.3", "L1.4", "L2", "L3.1", "L3.2", "L3.3"]


def types(protocol, counts, chosen_on=(), from_all=(), speakers=("1", "2"), designed_on=(), known_of=(), repetitions=1):
    """Type of leakage → (whether it is there, where)."""
    fitting = Fitting(tuple(chosen_on), tuple(from_all), frozenset(designed_on), frozenset(known_of))
    frame = sheet(protocol, counts, fitting, set(speakers), repetitions=repetitions)
    assert [name.split()[0] for name in frame["type"]] == TYPES
    return {
        name.split()[0]: (row.leakage, row.where) for name, row in zip(frame["type"], frame.itertuples(), strict=True)
    }


def test_the_eight_types_where_nothing_leaks():
    found = types("speaker_sentence_independent", {**NOTHING, "test": 98}, chosen_on=["validation"])
    answers = {name: answer for name, (answer, _) in found.items()}
    assert answers == dict.fromkeys(TYPES, "no") | {"L3.1": "not known", "L3.3": "yes"}
    assert found["L1.1"][1] == "chosen on validation"
    assert "2 test speakers" in found["L3.3"][1]
    assert "on unseen speakers and unseen sentences" in found["L3.3"][1]


def test_the_eight_types_are_read_off_the_counts():
    counts = {"test": 562, "clip": 560, "audio_hash": 562, "speaker": 562, "sentence": 281}
    found = types("as_reported", counts, ["validation", "test"], ["mean and deviation of the MFCC"], ["1"])
    answers = {name: answer for name, (answer, _) in found.items()}
    assert answers == dict.fromkeys(TYPES, "yes") | {"L1.3": "no", "L2": "no", "L3.1": "not known"}
    assert found["L1.1"][1] == "chosen on validation and test"
    assert found["L1.2"][1] == "mean and deviation of the MFCC"
    assert found["L1.4"][1].startswith("2 of 562 test examples")  # the 560 are versions of one clip: dependence
    for said in (
        "560 of 562 test examples (100 %) have an augmented version or copy of the clip in train",
        "562 of 562 test examples (100 %) have the speaker in train",
        "281 of 562 test examples (50 %) have the sentence in train",
    ):
        assert said in found["L3.2"][1]
    assert "1 test speaker," in found["L3.3"][1]


@pytest.mark.parametrize(
    ("chosen_on", "designed_on", "answer"),
    [
        # C of an SVM may have been, within train.
        ([], [], ("no", "no epoch, weight or hyperparameter was chosen on test clips")),
        ([], ["1"], ("yes", "the design was chosen on 1 of the test speakers")),
        (["validation"], "12", ("yes", "chosen on validation; the design was chosen on 2 of the test speakers")),
    ],
)
def test_what_was_chosen_by_whom(chosen_on, designed_on, answer):
    assert types("clip_disjoint", NOTHING, chosen_on, designed_on=designed_on)["L1.1"] == answer


def test_scores_that_were_known_when_a_design_was_chosen_are_said_to_be():
    """Whether they had an influence nobody knows; where test clips chose, that is a leak all the same."""
    known = "the scores of 2 of the test speakers were known when a design was chosen"
    nothing = "no epoch, weight or hyperparameter was chosen on test clips"
    assert types("as_reported", NOTHING, known_of="12")["L1.1"] == ("not known", f"{nothing}; {known}")
    answer = types("as_reported", NOTHING, ["test"], known_of="12")["L1.1"]
    assert answer == ("yes", f"chosen on test; {known}")
    assert types("as_reported", NOTHING, designed_on="3", known_of="12")["L1.1"][0] == "yes"


def test_of_several_repetitions_the_first_is_counted_and_that_is_said():
    counts = {**NOTHING, "test": 80, "speaker": 80}
    for repetitions in (1, 5):
        said = types("clip_disjoint", counts, repetitions=repetitions)["L3.2"][1]
        assert said.endswith("(counts of the first repetition)") == (repetitions > 1)
    assert "repetition" not in types("clip_disjoint", NOTHING, repetitions=5)["L3.2"][1]


def test_a_duplicate_is_no_dependence():
    found = types("clip_disjoint", {**NOTHING, "test": 80, "audio_hash": 1})
    assert (found["L1.4"][0], found["L3.2"][0]) == ("yes", "no")


def test_a_table_of_splits(tmp_path):
    path = tmp_path / "splits.csv"
    path.write_text("split,speaker,sentence\ntrain,1,\ntrain,2,s\ntest,1,\ntest,3,t\n")
    found = leakage.of_table(leakage.read(path))
    assert found.to_dict("records") == [
        {"property": "speaker", "leakage": leakage.PROPERTIES["speaker"], "value": "1", "train": 1, "test": 1}
    ]
    assert leakage.undeclared(found, "clip_disjoint") == []
    assert leakage.undeclared(found, "speaker_independent") == leakage.undeclared(found) == ["speaker"]
    path.write_text("side,speaker\ntrain,1\ntest,2\n")  # as other software calls it
    assert leakage.of_table(leakage.read(path)).empty
    path.write_text("split,speaker\ntrain,1,\ntest,1,\n")  # a separator at the end of each row
    assert list(leakage.of_table(leakage.read(path))["value"]) == ["1"]
    for text, said in (("speaker\n1\n", "needs a column split"), ("split,speaker\ntrain,1\n", "has the split test")):
        path.write_text(text)
        with pytest.raises(UserError, match=said):
            leakage.read(path)


def test_a_table_of_splits_is_read_as_one_of_recordings(tmp_path, caplog):
    """Splits have the names that official ones have; a speaker that is not known is in nothing."""
    path = tmp_path / "official.csv"
    rows = [
        "Train,1,Unknown",
        "Train,Unknown,none",
        "Development,3,",
        "Test1,1,unknown",
        "Test2,Unknown,NaN",
        "test,3,",
    ]
    path.write_text("\n".join(["split,speaker,sentence", *rows, ",1,", "Unknown,1,"]))
    found = leakage.of_table(leakage.read(path))
    assert found[["property", "value", "train", "test"]].to_numpy().tolist() == [["speaker", "1", 1, 1]]
    assert not caplog.messages
    path.write_text("\n".join(["split,speaker,sentence", *rows, "holdout,1,", "held,1,"]))
    leakage.read(path)
    said = (
        "2 rows have a split of no known name and are passed over, the first 'holdout' in line 8: choose from train, "
    )
    assert f"{path}: {said}" in caplog.text


def test_the_counts_of_a_run_as_a_table():
    found = leakage.of_counts({**NOTHING, "speaker": 1})
    assert found[["property", "test"]].to_numpy().tolist() == [["speaker", 1]]
    assert leakage.undeclared(found, get("speaker_independent").name) == ["speaker"]
