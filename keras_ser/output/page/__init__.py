"""The results page: what stored runs, tables and figures tell, as HTML that needs no network and no server.

In: one folder that ``reproduce`` and ``compare`` wrote to. Out: ``index.html``, self-contained, which says what was
found, and ``pages/<report>.html``, whose images are the figures beside the tables. ``content`` says what stands in
them, ``chart`` where the marks of the first page's chart lie, the templates (Jinja2) how it looks.
"""

from pathlib import Path

import jinja2

from keras_ser import files
from keras_ser.errors import UserError
from keras_ser.output import words
from keras_ser.output.page import content

NAME = "index.html"
PAGES = "pages"


def write(out, root, *, audio=False):
    """Write ``<out>/index.html`` and ``<out>/pages``, each whole or not at all. → path of the first

    Args:
        out: folder of results. What lies in it of substitute corpora, of own recordings and of synthetic speech has
            pages of its own: theirs are the folders to name.
        root: data root with the recordings that ``audio`` plays.
        audio: whether recordings are put into the pages to be played.

    Raises: UserError where ``out`` holds no table of any report, or something damaged.
    """
    out = Path(out)
    first, of_reports = content.gather(out, Path(root), audio=audio)
    if first is None:
        others = [folder for folder in content.others(out) if folder.is_dir()]
        hint = f" (results of other speech: --out {' or '.join(map(str, others))})" if others else ""
        raise UserError(f"{out}: no table of any report is there: reproduce one first{hint}")
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("keras_ser.output.page", "."),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "broken": content.broken,
        "cell": content.cell,
        "inline": content.inline,
        "prose": content.prose,
        "slug": content.slug,
        "in_words": words.in_words,
        "title_of": words.title_of,
    }
    environment.tests["table"] = lambda part: not isinstance(part, str)
    with files.replaced(out / PAGES) as part:
        part.mkdir()
        for page in of_reports:
            text = environment.get_template("report.html").render(page)
            (part / f"{page['name']}.html").write_text(text, encoding="utf-8")
    with files.replaced(out / NAME) as part:
        part.write_text(environment.get_template("first.html").render(first), encoding="utf-8")
    return out / NAME
