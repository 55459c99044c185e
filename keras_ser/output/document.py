"""A document for people as data: prose and tables, rendered as Markdown (``markdown``) and as HTML (``page``), never
parsed back.

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
