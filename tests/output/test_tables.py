"""Tables on disk: what is written is read again, and a damaged one is said to be."""

import numpy as np
import pandas as pd
import pytest

from keras_ser import reports
from keras_ser.analysis import reported
from keras_ser.errors import UserError
from keras_ser.output import tables
from keras_ser.output.document import Document, as_markdown, bullets, document, section
from keras_ser.runs import passes

REPORT = reports.load("emodb_losses")
CNN = "cnn/mean_squared_error"
EXTENSION = "cnn_lstm_over_time_tanh/categorical_crossentropy"
EMPTY = Document("Title", (), ())


@pytest.fixture
def table(made):
    """Of two protocols, with an extension."""
    runs = [made(REPORT, CNN, "as_reported", repetition) for repetition in range(2)]
    runs += [made(REPORT, CNN, "clip_disjoint"), made(REPORT, EXTENSION, "as_reported")]
    return reported.table(REPORT, passes.whole(runs))


def test_a_table_comes_back_as_it_was(table, tmp_path):
    tables.write(table, EMPTY, tmp_path)
    found = tables.read(tmp_path / "table.csv")
    assert list(found.columns) == list(reported.COLUMNS)
    for name in ("mean", "std", "ci_low", "pi_high", "clips"):
        np.testing.assert_allclose(found[name].astype(float), table[name].astype(float), rtol=1e-5)
    for name in ("experiment", "protocol", "metric", "label", "verdict", "interval_over", "setup"):
        assert found[name].to_list() == table[name].to_list(), name


def test_a_label_stands_beside_numbers(table, tmp_path):
    rows = table[:3].assign(reported=["fear", 0.5, None], mean=["fear", 0.25, 0.125], label="")
    rows["metric"] = ["most_confusing_class", "uar", "uar"]
    tables.write(rows, EMPTY, tmp_path)
    found = tables.read(tmp_path / "table.csv")
    assert found["mean"].to_list() == ["fear", 0.25, 0.125]
    assert found["reported"].to_list()[:2] == ["fear", 0.5]
    assert pd.isna(found["reported"][2])
    assert found["label"].to_list() == ["", "", ""]


@pytest.mark.parametrize(
    ("text", "columns", "said"),
    [
        ("", (), "the file is empty"),
        ("a,b\n1,2\n", (), "no column ci_high, ci_low, clips"),
        ("a,b\n1,2\n", ("a", "c"), "no column c"),
        ('a,b\n"1,2\n', ("a",), "EOF inside string"),
    ],
)
def test_a_damaged_table_is_said_to_be_one(tmp_path, text, columns, said):
    path = tmp_path / "table.csv"
    path.write_text(text)
    with pytest.raises(UserError, match=rf"table\.csv: cannot be read \(.*{said}.*\): delete it and run"):
        tables.read(path, columns)


@pytest.mark.parametrize(
    ("column", "value", "said"),
    [
        ("reported", "0,906", "reported is '0,906'"),
        ("mean", "abc", "mean is 'abc'"),
        ("verdict", "Reproduced", "verdict 'Reproduced'"),
        ("verdict", "", "verdict ''"),
        ("protocol", "loso", "protocol 'loso'"),
    ],
)
def test_a_table_that_somebody_wrote_into(table, tmp_path, column, value, said):
    place = table.index[table["metric"] == "accuracy"][0]
    table[column] = table[column].astype(object)
    table.loc[place, column] = value
    tables.write(table, EMPTY, tmp_path)
    with pytest.raises(UserError, match=rf"table\.csv: cannot be read \(.*{said}.*\): delete it and run"):
        tables.read(tmp_path / "table.csv")


def test_accuracies_are_of_what_the_reports_list(table, tmp_path):
    tables.write(table, EMPTY, tmp_path / REPORT.name)
    found = tables.accuracies([REPORT, reports.load("tess_mfcc")], tmp_path)
    assert found[["experiment", "protocol"]].to_numpy().tolist() == [[CNN, "as_reported"], [CNN, "clip_disjoint"]]
    assert set(found["metric"]) == {"accuracy"}
    assert tables.accuracies([REPORT], tmp_path / "elsewhere").empty
    further = table[:1].assign(metric="emodb: accuracy", experiment=CNN)
    tables.write(pd.concat([table, further]), EMPTY, tmp_path / REPORT.name)
    assert tables.accuracies([REPORT], tmp_path, "emodb")["metric"].to_list() == ["emodb: accuracy"]
    assert set(tables.accuracies([REPORT], tmp_path)["metric"]) == {"accuracy"}


def test_a_full_disk_leaves_the_tables_as_they_were(table, tmp_path, small_disk):
    folder = tmp_path / "tables"
    tables.write(table, EMPTY, folder)
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    with small_disk(100), pytest.raises(UserError, match="File too large"):
        tables.write(table[:5], EMPTY, folder)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


def test_a_document_as_markdown():
    frame = pd.DataFrame({"a": ["0.690"], "b": ["–"]})
    sections = [section("One", bullets(["x", "y"]), frame), section("Empty", "", frame[:0]), None]
    assert as_markdown(document("Title", ("Lead.", ""), sections)) == (
        "# Title\n\nLead.\n\n## One\n\n- x\n- y\n\n| a     | b   |\n|:------|:----|\n| 0.690 | –   |\n"
    )
