"""What of the documentation is not written by hand: MkDocs asks here for the pages that the README, the committed
tables, the parser of the commands and the docstrings give; Griffe for docstrings without Sphinx's roles.
"""

import os
import pkgutil
import re
from pathlib import Path

import griffe
from mkdocs.structure.files import File

ROOT = Path(__file__).parents[1]
ARTIFACTS = ROOT / "artifacts"
CARD = ROOT / "keras_ser" / "pretrained" / "README.md"
IN_DOCS = {path.name for path in (ROOT / "docs").glob("*.md")}
NOT_COMMITTED = {"cache", "runs", "synthetic", "streamed", "fresh", "own", "tensorboard"}
SHOWN = {".md", ".html", ".png"}
LINKS = {  # from a page of docs/, in the repository → in the documentation
    "](../artifacts/": "](artifacts/",
    "](../README.md": "](index.md",
    "](../keras_ser/layers/)": "](reference/layers.md)",
    "](../keras_ser/dsp/)": "](reference/dsp.md)",
}


def on_files(files, config):
    """Adds the generated pages, and where README and tutorials link to them the committed results and the card of the
    package's model.
    """
    for name, text in pages().items():
        files.append(File.generated(config, name, content=text))
    committed = [
        path
        for path in sorted(ARTIFACTS.rglob("*"))
        if path.suffix in SHOWN and not NOT_COMMITTED & {*path.relative_to(ARTIFACTS).parts}
    ]
    for path in (*committed, CARD):
        files.append(File.generated(config, path.relative_to(ROOT).as_posix(), abs_src_path=str(path)))
    return files


def on_page_markdown(markdown, page, config, files):
    """Links as the repository has them, from ``docs/``, lead to the same files of the documentation."""
    if page.file.src_uri in IN_DOCS:
        for link, of_documentation in LINKS.items():
            markdown = markdown.replace(link, of_documentation)
    return markdown


def pages():
    """→ dict: path in the documentation → Markdown"""
    from keras_ser import api, dsp, layers

    functions = [f"keras_ser.dsp.{module.name}" for module in pkgutil.iter_modules(dsp.__path__)]
    return {
        "index.md": (ROOT / "README.md").read_text().replace("](docs/", "]("),
        "findings.md": findings(),
        "reference/commands.md": commands(),
        "reference/api.md": reference("Public API", [f"keras_ser.api.{name}" for name in api.__all__], api),
        "reference/layers.md": reference("Layers", [f"keras_ser.layers.{name}" for name in layers.__all__], layers),
        "reference/dsp.md": reference("Functions on tensors", functions, dsp),
    }


def reference(title, names, module=None):
    """A page of docstrings, the module's own first."""
    about = without_roles(module.__doc__) if module else ""
    return "\n\n".join([f"# {title}", about, *(f"::: {name}" for name in names)])


def findings():
    """The committed tables in words."""
    from keras_ser import reports
    from keras_ser.data.protocols import PROTOCOLS
    from keras_ser.output import document, markdown, tables, words
    from keras_ser.output.page import content

    known = [reports.load(name) for name in reports.NAMES]
    frame = tables.accuracies(known, ARTIFACTS)
    parts = ["---\nhide: [toc]\n---", "# Findings", content.finding(known, frame)]
    for report in known:
        of_report = frame[(frame["report"] == report.name) & (frame["n"] > 0)]
        parts += [f"## {report.title}", f"{report.source}. {content.verdict(report, of_report)}"]
        if len(of_report):
            table = markdown.results(of_report).drop(columns="report")
            table["experiment"] = [f"{words.in_words(name)}<br>`{name}`" for name in table["experiment"]]
            table = document.as_table(table)
            whole = f"[The whole table, every choice and every check](artifacts/{report.name}/table.md)"
            parts += [table, f"{whole}; chance level {1 / len(report.labels):.3f}."]
    parts += ["## Protocols", *(f"**{name}**: {item.definition}" for name, item in PROTOCOLS.items())]
    return "\n\n".join(parts)


def commands():
    """The help of every command."""
    from keras_ser.cli.parser import arguments

    width, os.environ["COLUMNS"] = os.environ.get("COLUMNS"), "100"
    try:
        parts = ["# Commands", *of_parser(arguments())]
    finally:
        os.environ.pop("COLUMNS") if width is None else os.environ.update(COLUMNS=width)
    return "\n\n".join(parts)


def of_parser(parser):
    """A heading and the help of a parser and of those below it."""
    yield f"## {parser.prog}\n\n```text\n{parser.format_help()}```"
    for action in parser._actions:
        if isinstance(action.choices, dict):  # subparsers
            for below in action.choices.values():
                yield from of_parser(below)


def without_roles(text):
    """A docstring's :func:`~a.b` as `b`, and its literal blocks and examples, as Markdown has them."""
    text = re.sub(r":\w+:`~[\w.]*?(\w+)`", r"`\1`", text)
    text = re.sub(r":\w+:`([^`]+)`", r"`\1`", text)
    text = re.sub(r"::\n\n", ":\n\n", text)
    return re.sub(r"^>>> .*(?:\n.+)*", r"```pycon\n\g<0>\n```", text, flags=re.MULTILINE)


class Docstrings(griffe.Extension):
    """Docstrings as Markdown."""

    def on_instance(self, *, obj, **_):
        if obj.docstring:
            obj.docstring.value = without_roles(obj.docstring.value)
