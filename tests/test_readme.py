"""What the README promises exists."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from keras_ser import reports
from keras_ser.cli import commands
from keras_ser.data import protocols

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()


def first_cells(heading):
    """What stands in backquotes in the first column of the table under a heading."""
    section = README.split(f"## {heading}\n")[1].split("\n## ")[0]
    return re.findall(r"^\| `([^`]+)` \|", section, re.M)


@pytest.mark.parametrize("words", first_cells("Commands"))
def test_commands_exist(words, capsys):
    with pytest.raises(SystemExit) as stop:
        commands.main([*re.findall(r"(?<![-\w])[a-z]+", words), "--help"])
    assert stop.value.code == 0
    shown = capsys.readouterr().out
    assert all(option in shown for option in re.findall(r"--[a-z]+", words))


@pytest.mark.slow
def test_its_python_runs_as_it_stands(embedded, tmp_path, monkeypatch):
    (tmp_path / "data").symlink_to(embedded)
    (tmp_path / "recordings").symlink_to(embedded / "tess")
    (tmp_path / "a.wav").symlink_to(next((embedded / "emodb").glob("*.wav")))
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("KERAS_SER_DATA", raising=False)
    blocks = re.findall(r"```python\n(.*?)```", README, re.S)
    assert "".join(blocks).count("\n") > 15
    found = {}
    for block in blocks:
        exec(block, found)
    assert found["result"].facts["n_folds"] == 2  # synthetic speech
    assert len(found["result"].predictions) == 42
    assert len(found["table"]) == 42
    assert set(found["clips"]["split"]) == {"train", "validation", "test"}
    assert found["model"].output_shape == (None, 7)


def test_options_of_reproduce_exist(capsys):
    with pytest.raises(SystemExit):
        commands.main(["reproduce", "--help"])
    options = re.findall(r"--[a-z]+", README.split("`reproduce` takes")[1].split("saved runs)")[0])
    assert {"--seeds", "--stored"} <= set(options)  # the first and the last of the sentence
    shown = capsys.readouterr().out
    assert all(option in shown for option in options)


def test_its_results_are_those_of_the_tables(tmp_path):
    copy = tmp_path / "README.md"
    copy.write_text(README)
    assert commands.main(["results", "--out", str(ROOT / "artifacts"), "--readme", str(copy)]) == 0
    assert copy.read_text() == README
    assert README.count("| emodb_losses ") == 4


def test_its_results_have_one_column_per_protocol():
    table = README.partition(commands.RESULTS_BEGIN)[2].partition(commands.RESULTS_END)[0].strip()
    columns = [cell.strip() for cell in table.splitlines()[0].split("|")[1:-1]]
    titles = [protocol.title for protocol in protocols.PROTOCOLS.values()]
    assert columns[:5] == ["report", "experiment", "reported", "verdict", titles[0]]
    assert columns[4:-1] == [title for title in titles if title in columns]
    assert columns[-1] == "clips"


def test_every_report_is_named():
    assert set(reports.NAMES) <= set(first_cells("What comes out"))


def test_protocols_are_those_of_the_code():
    assert first_cells("Protocols") == list(protocols.PROTOCOLS)


def test_links_lead_somewhere():
    for link in re.findall(r"\]\(([^)#:]+)\)", README):
        assert (ROOT / link).exists(), link


@pytest.mark.parametrize("script", sorted(path.name for path in (ROOT / "scripts").glob("*.py")))
def test_scripts_call_the_command_of_their_name(script):
    command = [sys.executable, str(ROOT / "scripts" / script), "--help"]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd="/")
    assert done.stdout.startswith(f"usage: keras-ser {script.removesuffix('.py').replace('_', ' ')}")


@pytest.mark.skipif(not (ROOT / ".venv").is_dir(), reason="no .venv made by the scripts")
def test_reproduce_sh_passes_its_arguments_on():
    command = ["bash", str(ROOT / "scripts" / "reproduce.sh"), "--help"]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd="/")
    assert done.stdout.startswith("usage: keras-ser reproduce")
