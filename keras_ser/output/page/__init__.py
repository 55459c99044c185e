"""The results page: what stored runs, tables and pictures tell, in one HTML file that needs no network.

In: the folder that ``reproduce``, ``compare`` and ``benchmark`` wrote to, and the recordings, for its clips. Nothing is
computed again: tables are those of ``table.md`` and ``table.csv``, pictures those beside them. ``content`` says what
stands in the page, ``clips`` chooses what can be heard, ``page.html`` (Jinja2) how it looks.
"""

from pathlib import Path

import jinja2

from keras_ser import files
from keras_ser.errors import UserError
from keras_ser.output.page import content

NAME = "index.html"


def write(out, root, *, audio=False):
    """Write ``<out>/index.html``, whole or not at all. → its path

    Args:
        out: folder of results; those of substitute corpora and synthetic speech below it are shown and called so.
        root: data root with the recordings of the clips that are shown; a corpus that is not there has none.
        audio: whether recordings of people are put into the page to be played; those of synthetic speech always are.

    Raises: UserError where ``out`` holds no table of any report.
    """
    out = Path(out)
    found = content.gather(out, Path(root), audio=audio)
    if not found["reports"]:
        raise UserError(f"{out}: no table of any report is there: reproduce one first")
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("keras_ser.output.page", "."),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["firm"] = content.firm
    with files.replaced(out / NAME) as part:
        part.write_text(environment.get_template("page.html").render(found), encoding="utf-8")
    return out / NAME
