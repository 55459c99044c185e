"""The documentation builds without a warning, and what it tells people to run runs as it stands."""

import glob
import importlib.util
import os
import re
import shlex
from pathlib import Path, PurePosixPath

import pandas as pd
import pytest

from keras_ser import corpora, layers, reports
from keras_ser.analysis import QUESTIONS
from keras_ser.cli import commands, parser
from keras_ser.corpora import synthetic
from keras_ser.data import PIPELINES
from keras_ser.output import tables
from keras_ser.output.figures import style
from keras_ser.output.page import content
from keras_ser.reports import extensions
from keras_ser.runs import archive
from tests.words import house_words, without_code

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
EXTRA = "the extra is not installed: pip install '.[docs]'"


@pytest.fixture
def hooks():
    pytest.importorskip("mkdocs", reason=EXTRA)
    spec = importlib.util.spec_from_file_location("hooks", DOCS / "hooks.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.slow
def test_it_builds(tmp_path, monkeypatch):
    """In this process, which has TensorFlow already."""
    for name in ("material", "mkdocs_jupyter", "mkdocstrings_handlers.python"):
        pytest.importorskip(name, reason=EXTRA)
    monkeypatch.chdir(tmp_path)
    words = ["build", "--strict"]  # told to be quiet, it counts no warning
    words += ["--config-file", str(ROOT / ".mkdocs.yml"), "--site-dir", str(tmp_path / "site")]
    importlib.import_module("mkdocs.__main__").cli.main(words, standalone_mode=False)  # or an error that says why
    page = (tmp_path / "site" / "reference" / "layers" / "index.html").read_text()
    for name in layers.__all__:
        assert f'id="keras_ser.layers.{name}"' in page, name
    api = (tmp_path / "site" / "reference" / "api" / "index.html").read_text()
    assert 'id="keras_ser.api.run"' in api
    assert not re.search(r":(func|class|mod|meth|data|attr|ref):", page + api)
    assert (tmp_path / "site" / "artifacts" / "index.html").is_file()


def test_what_only_a_machine_keeps_is_neither_committed_nor_shown(hooks):
    ignored = (ROOT / ".gitignore").read_text().split()
    for name in hooks.NOT_COMMITTED:
        assert {f"artifacts/{name}/", f"artifacts/**/{name}/"} & set(ignored), name
    assert set(PIPELINES) - {"cached"} < hooks.NOT_COMMITTED


def test_every_command_has_its_help(hooks):
    text = hooks.commands()
    for name in ("reproduce", "corpus check", "predict", *(f"compare {question}" for question in QUESTIONS)):
        assert f"## keras-ser {name}\n" in text
    assert "--speaker-from REGEX" in text
    assert text.count("usage: keras-ser") == sum(1 for _ in hooks.of_parser(parser.arguments()))


def test_findings_are_those_of_the_tables(hooks):
    text = hooks.findings()
    known = [reports.load(name) for name in reports.NAMES]
    frame = tables.accuracies(known, ROOT / "artifacts")
    assert content.finding(known, frame) in text
    for row in frame[frame["n"] > 0].itertuples():
        assert f"{row.mean:.3f}" in text
    assert all(report.title in text for report in known)


def test_docstrings_become_markdown(hooks):
    assert hooks.without_roles("As :func:`~a.b.c` of :class:`D`::\n\n    x") == "As `c` of `D`:\n\n    x"
    assert hooks.without_roles("Example:\n\n>>> 1\n1\n\nEnd") == "Example:\n\n```pycon\n>>> 1\n1\n```\n\nEnd"


def test_pages_of_the_navigation_are_there():
    listed = set(re.findall(r"[\w/]+\.(?:md|ipynb)$", (ROOT / ".mkdocs.yml").read_text(), re.M))
    written = {path.name for path in DOCS.iterdir() if path.suffix in (".md", ".ipynb")}
    assert written < listed
    assert {name for name in listed - written if "/" not in name} == {"index.md", "findings.md"}


def test_no_page_says_house_words():
    """The change log says what was, and stays as it is."""
    for path in sorted(DOCS.glob("*.md")):
        if path.name != "CHANGELOG.md":
            assert house_words(without_code(path.read_text())) == [], path.name


def test_how_to_extend_it_names_what_is_there():
    text = (DOCS / "extending.md").read_text()
    parts = re.findall("^## (.*)$", text, re.MULTILINE)
    steps = ["How a figure is made", *(f"How to add a {what}" for what in ("report", "corpus", "layer"))]
    assert parts[:5] == ["Where things are", *steps]
    tree = set(re.findall(r"(\w+(?:/|\.py))(?=  |$)", text.split("```")[1], re.MULTILINE))
    rooms = {f"{path.name}/" for path in (ROOT / "keras_ser").iterdir() if (path / "__init__.py").exists()}
    assert rooms <= tree
    text = re.sub("```.*?```", "", text, flags=re.DOTALL)
    named = set(re.findall(r"`([\w/]+(?:\.py|/))`", text))
    assert {"output/figures/selection.py", "tests/parity.py", "corpora/synthetic.py"} < named
    for name in named:
        path = name.rstrip("/").replace("NAME", "four_corpora")
        assert (ROOT / path).exists() or any((ROOT / "keras_ser").rglob(path)), name
    assert {"`of_report`", "`of_comparison`", "`reports.NAMES`", "`layers.__all__`"} < set(re.findall("`[^`]+`", text))


@pytest.fixture
def few(monkeypatch):
    """What is bundled of a corpus has four speakers, two women and two men of Emo-DB, and two clips of each emotion of
    each; figures have fewer pixels.
    """

    def of(name):
        paths = synthetic.plan(name)
        clips = pd.DataFrame([corpora.get(name).parse(PurePosixPath(path)) for path in paths]).assign(path=paths)
        clips = clips[clips["speaker"].isin(sorted(clips["speaker"].unique())[:4])]
        return list(clips.groupby(["speaker", "emotion"])["path"].head(2))

    plans = {name: of(name) for name in ("emodb", "ravdess")}
    for name, paths in plans.items():
        monkeypatch.setitem(synthetic._PLANS, name, lambda paths=paths: paths)
    monkeypatch.setattr(style, "DPI", 40)


@pytest.mark.slow
@pytest.mark.parametrize("page", ["layers_in_your_model", "own_recordings", "exported_models"])
def test_a_tutorial_runs_as_it_stands(page, few, tmp_path, monkeypatch):
    """Its Python and its commands, in their order."""
    if page == "exported_models":
        pytest.importorskip("ai_edge_litert", reason="the extra lite is not installed")
    monkeypatch.chdir(tmp_path)
    found = {}
    for language, block in re.findall(r"```(python|sh)\n(.*?)```", (DOCS / f"{page}.md").read_text(), re.S):
        if language == "python":
            exec(block, found)
            continue
        for line in block.splitlines():
            program, *arguments = shlex.split(line)
            assert program == "keras-ser"
            paths = [glob.glob(word) if "*" in word else [word] for word in arguments]
            assert commands.main([word for words in paths for word in words]) == 0, line


@pytest.mark.slow
def test_the_notebook_runs_as_it_stands(tmp_path):
    nbclient = pytest.importorskip("nbclient", reason=EXTRA)
    nbformat = pytest.importorskip("nbformat", reason=EXTRA)
    pytest.importorskip("ipykernel", reason=EXTRA)
    notebook = nbformat.read(DOCS / "first_steps.ipynb", as_version=4)
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert not any(cell.outputs for cell in cells)  # results are made, not committed
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    client = nbclient.NotebookClient(notebook, kernel_name="python3", resources={"metadata": {"path": str(tmp_path)}})
    client.execute(env=environment)
    answers = cells[-1].outputs[-1]["data"]["text/plain"]
    assert "p_angry" in answers or "p_anger" in answers
    assert (tmp_path / "model" / "README.md").is_file()


@pytest.fixture(scope="module")
def of_tables():
    """The commands by which the committed tables were made, as they are understood."""
    text = (DOCS / "tables.md").read_text()
    lines = [shlex.split(line) for block in re.findall(r"```bash\n(.*?)```", text, re.S) for line in block.splitlines()]
    return [parser.arguments().parse_args(line[1:]) for line in lines if line[0] == "keras-ser"]


def test_the_commands_of_the_tables_make_what_the_tables_have(of_tables):
    """The repetitions that they train of each experiment and protocol are those of its rows."""
    made = {}
    for options in of_tables:
        if options.func is not commands.reproduce:
            continue
        report = reports.load(options.reports[0])
        names = options.experiments or [item.name for item in report.listed]
        for experiment in names:
            for protocol in options.protocols or report.protocols:
                key = report.name, report.experiment(experiment).name, protocol
                made[key] = max(made.get(key, 0), options.seeds)
    frames = [tables.read(ROOT / "artifacts" / name / tables.CSV) for name in (*reports.NAMES, *reports.RECIPES)]
    rows = pd.concat(frames)
    rows = rows[(rows["metric"] == "accuracy") & (rows["n"] > 0) & ~rows["experiment"].str.startswith("svm")]
    stored = {(row.report, row.experiment, row.protocol): row.n for row in rows.itertuples()}
    of_networks = {key: n for key, n in made.items() if not key[1].startswith("svm")}  # an SVM is one fit
    assert of_networks == stored


def test_whatever_is_stored_is_trained_by_a_command_of_the_tables(of_tables):
    """From nothing: what is made with ``--stored`` was trained before."""
    trained = set()
    for options in of_tables:
        if options.func is commands.reproduce:
            report = reports.load(options.reports[0])
            trained |= {(report.name, name) for name in options.experiments or [item.name for item in report.listed]}
        elif options.func is commands.compare and not options.stored:
            report = reports.load(options.report)
            experiments, _ = extensions.compared(report, options.question, options.experiments or ())
            trained |= {(report.name, item.name) for item in experiments}
    names = (*reports.NAMES, *reports.RECIPES)
    runs = [run.facts for name in names for run in archive.read_all(ROOT / "artifacts" / "runs", name)]
    assert {(facts["report"], facts["experiment"]) for facts in runs} == trained
