"""What a report leaves open and what we chose, and where it disagrees with itself: the Markdown text beside its module.

Under ``## What the report leaves open`` each ``###`` heading is a point that is open; its first paragraph is what we
chose, its second one why. Under ``## Where its text, code and tables disagree`` each item of the list is a difference,
and what follows from the report's code.
"""

import re
from dataclasses import dataclass
from pathlib import Path

OPEN, DISAGREEING = "What the report leaves open", "Where its text, code and tables disagree"


@dataclass(frozen=True)
class NotStated:
    """Something the report leaves open, and what we do about it."""

    what: str
    choice: str
    reason: str


def beside(module):
    """The notes of a report, as its fields ``not_stated`` and ``differences``. ``module``: path of its module. → dict

    Raises ValueError, naming the place, if the text has another form.
    """
    path = Path(module).with_suffix(".md")
    sections = dict(_parts(path.read_text(encoding="utf-8"), "## ", path))
    if list(sections) != [OPEN, DISAGREEING]:
        raise ValueError(f"{path} has the sections {OPEN!r} and {DISAGREEING!r}. Received: {list(sections)}")
    points = []
    for what, text in _parts(sections[OPEN], "### ", path):
        paragraphs = text.split("\n\n")
        if len(paragraphs) != 2:
            raise ValueError(f"{path}, {what!r}: a choice and a reason, a paragraph each. Received: {paragraphs}")
        points.append(NotStated(what, *map(_joined, paragraphs)))
    differences = [_joined(item) for item in re.split(r"^- ", sections[DISAGREEING], flags=re.MULTILINE)[1:]]
    return {"not_stated": tuple(points), "differences": tuple(differences)}


def _parts(text, marks, path):
    """Headings of one depth and the text under each. → pairs"""
    _, *parts = re.split(rf"^{marks}", text, flags=re.MULTILINE)
    for part in parts:
        heading, separator, below = part.partition("\n\n")
        if not separator or "\n" in heading:
            raise ValueError(f"{path}: a heading is one line, followed by an empty one. Received: {heading!r}")
        yield heading, below.strip()


def _joined(text):
    """The lines of a paragraph as one."""
    return " ".join(text.split())
