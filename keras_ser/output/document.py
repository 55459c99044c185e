"""A document for people as data: prose and tables, rendered once as Markdown and once as HTML, never parsed back.

A part is a str (prose in Markdown: paragraphs, lists, inline code) or a DataFrame of text (a table).
"""

from dataclasses import dataclass

import pandas as pd

Part = str | pd.DataFrame


@dataclass(frozen=True)
class Section:
    heading: str
    parts: tuple[Part, ...]


@dataclass(frozen=True)
class Document:
    """``lead``: the parts before the first section."""

    title: str
    lead: tuple[Part, ...]
    sections: tuple[Section, ...]


def section(heading, *parts):
    """→ Section without empty parts, None where no part is left"""
    kept = tuple(part for part in parts if len(part))
    return Section(heading, kept) if kept else None


def document(title, lead, sections):
    """→ Document of the sections that are not None"""
    return Document(title, tuple(part for part in lead if len(part)), tuple(item for item in sections if item))


def bullets(lines):
    """Sentences as a list. → prose, "" of none"""
    return "\n".join(f"- {line}" for line in lines)


def as_table(frame):
    """A DataFrame of text as Markdown; 0.690 keeps its last digit."""
    return frame.to_markdown(index=False, disable_numparse=True)


def as_markdown(whole):
    """A Document as Markdown."""
    blocks = [f"# {whole.title}", *map(_block, whole.lead)]
    for item in whole.sections:
        blocks += [f"## {item.heading}", *map(_block, item.parts)]
    return "\n\n".join(blocks) + "\n"


def _block(part):
    return part if isinstance(part, str) else as_table(part)
