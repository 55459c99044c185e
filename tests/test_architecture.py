"""The arrows of the package point one way."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import keras_ser
from keras_ser import api

PACKAGE = Path(keras_ser.__file__).parent

# A module may import what stands in the rows above its own, and its own package.
FLOORS = (
    ("errors",),
    ("files", "progress"),
    ("audio", "corpora", "dsp"),
    ("layers", "librosa_reference"),
    ("data", "models"),
    ("training",),
    ("reports",),
    ("recipes",),
    ("runs",),
    ("analysis",),
    ("output",),
    ("serving",),
    ("benchmark",),
    ("api",),
    ("cli",),
    ("__main__",),
)
FLOOR = {name: number for number, names in enumerate(FLOORS) for name in names}
# Libraries that belong to one place (lazy imports count).
ONLY_IN = {
    "librosa": {"librosa_reference"},
    "noisereduce": {"librosa_reference"},
    "matplotlib": {"output"},
    "soundfile": {"audio", "corpora"},
    "pooch": {"corpora"},
    "gradio": {"serving"},
    "dask": {"runs"},
    "distributed": {"runs"},
    "pyarrow": {"serving"},
    "jinja2": {"output"},
    "markdown_it": {"output"},
    "PIL": {"output"},
    "tensorflow": {*("dsp", "layers", "models", "data", "training", "runs", "output", "benchmark", "serving", "cli")},
}
MODULES = sorted(PACKAGE.rglob("*.py"))


def part(path):
    """The floor's name of a module: its folder, or itself."""
    return path.relative_to(PACKAGE).with_suffix("").parts[0]


def imports(path):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{name.name}" for name in node.names)


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_go_down(path):
    here = part(path)
    if here == "__init__":
        return
    for name in imports(path):
        root, _, rest = name.partition(".")
        if root == "keras_ser" and rest:
            there = rest.split(".")[0]
            if there in FLOOR:
                audio_for_corpora = {here, there} == {"corpora", "audio"}
                assert there == here or FLOOR[there] < FLOOR[here] or audio_for_corpora, f"{path} imports {name}"
        elif root in ONLY_IN:
            assert here in ONLY_IN[root], f"{path} imports {name}"


def test_commands_call_what_is_promised():
    """As ``api.name`` or ``started().name``. ``import keras_ser`` promises it too, but for `setting`, which is for
    studies.
    """
    tree = ast.parse((PACKAGE / "cli" / "commands.py").read_text())
    called = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute):
            of = node.value.func if isinstance(node.value, ast.Call) else node.value
            if isinstance(of, ast.Name) and of.id in ("api", "started"):
                called.add(node.attr)
    assert {"reproduce", "results", "leaks", "robustness"} <= called <= set(api.__all__)
    functions = {name for name in api.__all__ if name[0].islower()}
    assert functions - {"setting"} == set(keras_ser.__all__) - {"dsp", "layers", "models", "reports"}


def test_every_module_has_a_floor_and_a_contract():
    for path in MODULES:
        assert part(path) in FLOOR or part(path) == "__init__"
        assert ast.get_docstring(ast.parse(path.read_text())), f"{path} does not say what it is for"


def test_help_starts_without_heavy_libraries():
    code = "import sys; from keras_ser.cli.parser import arguments; arguments(); print(*sys.modules)"
    loaded = set(
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    )
    assert not loaded & {"tensorflow", "keras", "pandas", "librosa", "matplotlib", "sklearn"}


@pytest.mark.slow
def test_a_recording_is_drawn_without_what_reports_need():
    """As by `demo` and `predict --timeline`, whose extras bring no more."""
    code = "import sys; from keras_ser.serving import demo; print(*sys.modules)"
    loaded = set(
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    )
    assert "matplotlib" in loaded
    assert not loaded & {"keras_ser.analysis.statistics", "jinja2", "markdown_it", "pooch", "librosa"}
