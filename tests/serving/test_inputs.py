"""What may be asked about: files, folders and lists."""

import sys
from pathlib import Path

import pytest

from keras_ser.cli import commands
from keras_ser.errors import UserError
from keras_ser.serving import answers, inputs


def test_a_folder_that_cannot_be_read_is_skipped_as_a_file_is(tmp_path, monkeypatch):
    def audio_files(folder):
        if folder.name == "closed":
            raise UserError("closed (Permission denied): cannot be read")
        yield from map(Path, ("a.wav", "b.wav"))

    monkeypatch.setattr(inputs, "audio_files", audio_files)
    for name in ("closed", "open"):
        (tmp_path / name).mkdir()
    found = list(inputs.paths_of([tmp_path / "closed", tmp_path / "open", tmp_path / "c.wav"]))
    assert found == [tmp_path / "closed", tmp_path / "open" / "a.wav", tmp_path / "open" / "b.wav", tmp_path / "c.wav"]


def test_a_list_may_begin_with_a_mark_and_standard_input_be_closed(monkeypatch, capsys):
    assert list(inputs.listed([b"\xef\xbb\xbfa.wav\r\n", b"\n", b"b.wav"])) == [Path("a.wav"), Path("b.wav")]
    monkeypatch.setattr(sys, "stdin", None)
    assert commands.main(["predict", "--files-from", "-"]) == 2
    assert capsys.readouterr().err == "keras-ser: standard input is closed: name a file with --files-from\n"


def test_a_folder_without_recordings_is_skipped_as_a_file_is(tmp_path):
    """Such as that of a second model."""
    (tmp_path / "empty").mkdir()
    (tmp_path / "a.wav").touch()
    named = [tmp_path / "empty", tmp_path / "a.wav"]
    assert list(inputs.paths_of(named)) == named
    with answers.recordings(named) as found:
        assert list(found) == named
    _, error = inputs.read(tmp_path / "empty", False)
    assert str(error).startswith(f"{tmp_path / 'empty'}: no audio file is there (a model stands first")
    for alone in ([tmp_path / "empty"], [tmp_path / "empty"] * 2):
        with pytest.raises(UserError, match="no audio file is there"), answers.recordings(alone):
            pass
