"""The notes beside the report modules."""

import pytest

from keras_ser import reports
from keras_ser.reports import notes
from keras_ser.reports.notes import NotStated

NOTES = """# a_report

## What the report leaves open

### the split

70 % train,
at random

the report prints 70 %

## Where its text, code and tables disagree

- The text says 13;
  the code computes 12 - 1 energy.
- A table is wrong.
"""


@pytest.fixture
def module(tmp_path):
    return tmp_path / "a_report.py"


def test_points_and_differences(module):
    module.with_suffix(".md").write_text(NOTES)
    assert notes.beside(module) == {
        "not_stated": (NotStated("the split", "70 % train, at random", "the report prints 70 %"),),
        "differences": ("The text says 13; the code computes 12 - 1 energy.", "A table is wrong."),
    }


@pytest.mark.parametrize(
    ("before", "after", "named"),
    [
        ("\n\nthe report prints 70 %", "", "'the split': a choice and a reason"),
        ("## Where its text", "## Where the text", "has the sections"),
        ("### the split\n\n", "### the split\n", "a heading is one line"),
    ],
)
def test_another_form_is_refused(module, before, after, named):
    module.with_suffix(".md").write_text(NOTES.replace(before, after))
    with pytest.raises(ValueError, match=named):
        notes.beside(module)


@pytest.mark.parametrize("name", reports.NAMES)
def test_every_line_of_a_reports_notes_is_read(name):
    """But for the headings of the sections."""
    report = reports.load(name)
    path = f"{reports.__path__[0]}/{name}.md"
    with open(path, encoding="utf-8") as file:
        written = file.read().replace("### ", "").replace("\n- ", "\n").split()
    points = [text for item in report.not_stated for text in (item.what, item.choice, item.reason)]
    read = ["#", name, "##", notes.OPEN, *points, "##", notes.DISAGREEING, *report.differences]
    assert " ".join(read).split() == written
