"""The package as it is built and installed: what pyproject.toml, CITATION.cff and the notices promise."""

import datetime
import importlib.metadata
import importlib.util
import re
import shutil
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

import keras_ser
from keras_ser.cli import commands

if sys.version_info >= (3, 11):
    import tomllib
else:
    tomllib = pytest.importorskip("tomli")

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
LOCK = ROOT / "requirements.txt"


def names(requirements):
    return {re.match(r"[\w-]+", line)[0].lower() for line in requirements}


def test_every_range_is_locked():
    """The two commands install requirements.txt: it holds what the package and the reports need, and the tests."""
    extras = PROJECT["optional-dependencies"]
    groups = tomllib.loads((ROOT / "pyproject.toml").read_text())["dependency-groups"]
    locked = names(line for line in LOCK.read_text().splitlines() if re.match(r"\w", line))
    ranges = names(
        [*PROJECT["dependencies"], *extras["reports"], *extras["reference"], *extras["figures"], *groups["dev"]]
    )
    assert ranges - {"keras-ser"} <= locked
    assert not any("==" in line for part in (PROJECT["dependencies"], *extras.values()) for line in part)


def test_one_version():
    citation = (ROOT / "CITATION.cff").read_text()
    assert f'version: "{keras_ser.__version__}"' in citation
    assert f"## {keras_ser.__version__}" in (ROOT / "docs" / "CHANGELOG.md").read_text()
    assert PROJECT["dynamic"] == ["version"]


def test_the_citation_is_valid_cff():
    """By the schema of CFF 1.2.0: required keys, no others than it knows, types, and what names the version."""
    yaml = pytest.importorskip("yaml")
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    texts = {"cff-version", "message", "title", "type", "version", "license"}
    assert texts | {"authors"} <= set(citation) <= texts | {"authors", "keywords", "abstract", "date-released", "url"}
    assert all(isinstance(citation[key], str) and citation[key] for key in texts)
    assert (citation["cff-version"], citation["type"]) == ("1.2.0", "software")
    assert citation["version"] == keras_ser.__version__
    assert citation["license"] in PROJECT["license"].split(" AND ")  # a list would mean: or
    assert citation["authors"] == PROJECT["authors"] != []  # of each a name: an entity
    assert all(set(author) == {"name"} and author["name"] for author in citation["authors"])
    assert len(citation["keywords"]) == len(set(citation["keywords"])) > 0
    assert all(isinstance(word, str) for word in citation["keywords"])
    assert isinstance(citation.get("date-released", datetime.date.today()), datetime.date)  # YYYY-MM-DD


def test_classifiers():
    classifiers = PROJECT["classifiers"]
    assert classifiers == sorted(set(classifiers))
    supported = SpecifierSet(PROJECT["requires-python"])
    versions = [f"3.{minor}" for minor in range(40) if supported.contains(f"3.{minor}")]
    python = "Programming Language :: Python :: "
    assert [name.removeprefix(python) for name in classifiers if name.startswith(python)] == ["3", *versions]
    systems = [name for name in classifiers if name.startswith("Operating System")]
    assert systems == ["Operating System :: MacOS", "Operating System :: POSIX :: Linux"]
    assert {"Topic :: Multimedia :: Sound/Audio :: Speech", "Typing :: Typed"} < set(classifiers)
    assert not any(name.startswith("License ::") for name in classifiers)  # beside an expression none may stand
    if importlib.util.find_spec("trove_classifiers"):
        assert set(classifiers) <= importlib.import_module("trove_classifiers").classifiers


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """The built wheel."""
    source = tmp_path_factory.mktemp("source")
    for name in ("keras_ser", "pyproject.toml", "README.md", "LICENSE"):
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        copy(ROOT / name, source / name)
    out = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", str(out), str(source)]
    done = subprocess.run(command, capture_output=True, text=True)
    if "No matching distribution" in done.stderr or "connection" in done.stderr.lower():
        pytest.skip(f"no package registry answers: {done.stderr.splitlines()[-1]}")
    assert done.returncode == 0, done.stderr
    (built,) = out.glob("*.whl")
    return built


@pytest.mark.slow
def test_the_wheel_holds_what_is_needed(wheel):
    with zipfile.ZipFile(wheel) as archive:
        held = archive.namelist()
        (metadata,) = (archive.read(name).decode() for name in held if name.endswith("METADATA"))
    for path in (ROOT / "keras_ser").rglob("*"):
        if path.is_file() and "__pycache__" not in path.parts:
            assert path.relative_to(ROOT).as_posix() in held
    assert sum("licenses/" in name for name in held) == 2
    assert "License-Expression: Apache-2.0 AND ODbL-1.0" in metadata
    assert not any(name.startswith("tests") for name in held)


USE = """
import sys
import keras, numpy as np
import keras_ser
from keras_ser.layers import MFCC, Denoise
from keras_ser.cli.commands import main

run, out, recording = sys.argv[1:]
layers = [keras.Input((16000,)), Denoise(16000), MFCC(16000), keras.layers.Flatten(), keras.layers.Dense(3)]
assert keras.Sequential(layers).predict(np.zeros((2, 16000)), verbose=0).shape == (2, 3)
keras_ser.export(run, out)
for model in (run, out):
    assert len(keras_ser.load(model).predict(recording)) == 1
assert main(["--quiet", "predict", out, recording]) == 0
assert main(["show", "tess_mfcc"]) == 0
assert main(["page"]) == 2  # says which extra it needs
"""


def core():
    """What core needs, directly or not, as it is installed here: dict: name → distribution."""
    found, todo = {}, [(Requirement(line), "") for line in PROJECT["dependencies"]]
    while todo:
        asked, extra = todo.pop()
        if asked.marker and not asked.marker.evaluate({"extra": extra}):
            continue
        distribution = importlib.metadata.distribution(asked.name)
        assert asked.specifier.contains(distribution.version, prereleases=True), f"{asked}: {distribution.version}"
        key = canonicalize_name(asked.name), frozenset(asked.extras)
        if key not in found:
            found[key] = distribution
            lines = distribution.requires or ()
            todo.extend((Requirement(line), extra) for line in lines for extra in ("", *asked.extras))
    return {name: distribution for (name, _), distribution in found.items()}


@pytest.mark.slow
def test_the_wheel_with_core_alone(wheel, runs, embedded, tmp_path):
    """In a fresh environment, with links to what core needs as it is installed here, and nothing else."""
    venv.create(tmp_path / "venv")
    python = tmp_path / "venv" / "bin" / "python"
    (packages,) = (tmp_path / "venv" / "lib").glob("python*/site-packages")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(packages)
    installed = core()
    assert not set(installed) & {"librosa", "noisereduce", "matplotlib", "seaborn", "jinja2", "pytest", "ruff", "pooch"}
    for distribution in installed.values():
        for name in {path.parts[0] for path in distribution.files} - {"..", "__pycache__"}:
            if not (packages / name).exists():  # google: of several
                (packages / name).symlink_to(distribution.locate_file(name))
    (tmp_path / "use.py").write_text(USE)
    recording = next((embedded / "tess").rglob("*.wav"))
    command = [str(python), "-I", "use.py", str(runs["tess_mfcc"].folder), "model", str(recording)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert re.search(r"which this command needs: pip install 'keras-ser\[(reports|figures)\]'", done.stderr)


ASK = """
source ./completion
COMP_WORDS=(keras-ser "$@")
COMP_CWORD=$#
_shtab_keras_ser keras-ser "${COMP_WORDS[-1]}" "${COMP_WORDS[-2]}"
echo "${COMPREPLY[@]}"
"""


@pytest.mark.parametrize(
    ("typed", "completed"),
    [
        (["rep"], "reports reproduce"),
        (["reproduce", "emo"], "emodb_losses"),
        (["show", "unseen"], "unseen_speakers"),  # a recipe
        (["reproduce", "--pro"], "--protocols"),
        (["predict", "recordings/a"], "recordings/a.wav"),
        (["corpus", "check", "recor"], "recordings"),
    ],
)
def test_completion(typed, completed, tmp_path, capsys):
    """As a shell asks for it, by shtab."""
    pytest.importorskip("shtab")
    assert commands.main(["--print-completion", "bash"]) == 0
    (tmp_path / "completion").write_text(capsys.readouterr().out)
    (tmp_path / "recordings").mkdir()
    (tmp_path / "recordings" / "a.wav").touch()
    done = subprocess.run(["bash", "-c", ASK, "bash", *typed], capture_output=True, text=True, cwd=tmp_path)
    assert (done.stdout.strip(), done.stderr) == (completed, "")


@pytest.mark.parametrize(("shell", "begins"), [("zsh", "#compdef keras-ser"), ("tcsh", "# AUTOMATICALLY GENERATED")])
def test_completion_of_other_shells_is_printed(shell, begins, capsys):
    pytest.importorskip("shtab")
    assert commands.main(["--print-completion", shell]) == 0
    script = capsys.readouterr().out
    assert script.startswith(begins)
    assert all(word in script for word in ("reproduce", "emodb_losses", "protocols"))
