"""files: whole or not at all, and the cause by its name."""

import errno
import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from keras_ser import files
from keras_ser.errors import UserError


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def write_file(part, text="new"):
    part.write_text(text)


def write_folder(part, text="new"):
    part.mkdir()
    (part / "file").write_text(text)


@pytest.mark.parametrize("old", [None, write_file, write_folder])
@pytest.mark.parametrize("new", [write_file, write_folder])
def test_it_takes_the_place_of_what_was_there(old, new, tmp_path):
    target = tmp_path / "made" / "target"
    if old:
        target.parent.mkdir()
        old(target, "old")
    if (old, new) == (write_folder, write_file):
        with pytest.raises(UserError, match="Is a directory"), files.replaced(target) as part:
            new(part)
        assert (target / "file").read_text() == "old"
    else:
        with files.replaced(target) as part:
            new(part)
            assert part.parent.parent == target.parent  # on the same disk
        assert (target / "file" if target.is_dir() else target).read_text() == "new"
    assert names(target.parent) == ["target"]


@pytest.mark.parametrize("error", [KeyboardInterrupt(), ValueError("other"), OSError(errno.ENOSPC, "full")])
@pytest.mark.parametrize("write", [write_file, write_folder])
def test_whatever_goes_wrong_nothing_changes(write, error, tmp_path):
    target = tmp_path / "target"
    write(target, "old")

    def fail():
        with files.replaced(target) as part:
            write(part)
            raise error

    with pytest.raises(UserError if isinstance(error, OSError) else type(error)):
        fail()
    assert (target / "file" if target.is_dir() else target).read_text() == "old"
    assert names(tmp_path) == ["target"]


def test_an_interrupt_between_the_two_moves_of_a_folder(tmp_path, monkeypatch):
    target, move, moved = tmp_path / "target", os.replace, []
    write_folder(target, "old")

    def interrupted(source, place):
        moved.append(place)
        if len(moved) == 2:
            raise KeyboardInterrupt
        move(source, place)

    monkeypatch.setattr(os, "replace", interrupted)
    with pytest.raises(KeyboardInterrupt), files.replaced(target) as part:
        write_folder(part)
    assert (target / "file").read_text() == "old"
    assert names(tmp_path) == ["target"]


SAID = {
    "full": (OSError(errno.ENOSPC, "x"), "No space left on device: free some space"),
    "full, says HDF5": (OSError("(errno = 28, error message = 'No space left on device')"), "free some space"),
    "full, says TensorFlow": (RuntimeError("model/variables; No space left on device"), "free some space"),
    "not allowed": (PermissionError(errno.EACCES, "x"), "Permission denied: choose a folder that you may write to"),
    "a broken library": (OSError("cannot seek\nhere"), "cannot seek here"),
}


@pytest.mark.parametrize(("error", "said"), SAID.values(), ids=SAID)
def test_the_advice_follows_the_cause(error, said, tmp_path):
    with pytest.raises(UserError) as caught, files.writing(tmp_path / "x"):
        raise error
    assert str(caught.value).startswith(f"cannot write {tmp_path / 'x'}: ")
    assert said in str(caught.value)
    assert ("free some space" in str(caught.value)) == ("full" in said or "space" in said)


def test_a_file_where_a_folder_should_be(tmp_path):
    (tmp_path / "out").touch()
    with pytest.raises(UserError, match="a file is where a folder is needed"), files.replaced(tmp_path / "out" / "x"):
        pass


def test_what_can_be_written_is_known_before(tmp_path):
    (tmp_path / "file").touch()
    for folder in (tmp_path, tmp_path / "new" / "er"):
        files.check_writable(folder, folder=True)
    for path in (tmp_path / "file", tmp_path / "file" / "x"):
        with pytest.raises(UserError, match="a file is where a folder is needed"):
            files.check_writable(path, folder=True)
    files.check_writable(tmp_path / "file")
    with pytest.raises(UserError, match="is a directory: name a file"):
        files.check_writable(tmp_path)
    assert names(tmp_path) == ["file"]


def test_what_is_no_file_is_not_replaced(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to("pipe")
    for name in ("pipe", "link"):
        with pytest.raises(UserError, match="not a file: choose another path"), files.replaced(tmp_path / name):
            pass
    assert (tmp_path / "pipe").is_fifo()
    assert (tmp_path / "link").is_symlink()


def test_a_link_to_a_file_stays_one(tmp_path):
    (tmp_path / "real").mkdir()
    for name in ("there", "not yet"):
        (tmp_path / name).symlink_to(tmp_path / "real" / name)
    (tmp_path / "real" / "there").write_text("old")
    for name in ("there", "not yet"):
        with files.replaced(tmp_path / name) as part:
            write_file(part)
        assert (tmp_path / name).is_symlink()
        assert (tmp_path / "real" / name).read_text() == "new"
    assert names(tmp_path / "real") == ["not yet", "there"]


def test_a_folder_of_a_name_like_those_of_unfinished_writes_is_not_touched(tmp_path):
    write_folder(tmp_path / ".part-mine")
    files.recover(tmp_path)
    assert (tmp_path / ".part-mine" / "file").read_text() == "new"


@pytest.mark.parametrize("number", [errno.ENOENT, errno.ENOTEMPTY, errno.EEXIST])
@pytest.mark.parametrize("at", [1, 2])
def test_a_process_that_another_overtakes_comes_after_it(at, number, tmp_path, monkeypatch):
    """Before the first move of a folder, where what it moves is away, or between the two."""
    target, move, moved = tmp_path / "target", os.replace, []
    write_folder(target, "old")

    def overtaken(source, place):
        moved.append(place)
        if len(moved) == at:
            if at == 2:
                write_folder(target, "of another process")
            raise OSError(number, "x")
        move(source, place)

    monkeypatch.setattr(os, "replace", overtaken)
    with files.replaced(target) as part:
        write_folder(part)
    assert (target / "file").read_text() == "new"
    assert names(tmp_path) == ["target"]


STORE = """
import sys
from keras_ser import files
for _ in range(100):
    with files.replaced(sys.argv[1]) as part:
        part.mkdir()
        for name in "ab":
            (part / name).write_text(sys.argv[2])
"""


def test_processes_that_write_one_folder_at_once(tmp_path):
    running = [subprocess.Popen([sys.executable, "-c", STORE, tmp_path / "target", text]) for text in "123"]
    assert [process.wait() for process in running] == [0, 0, 0]
    assert names(tmp_path) == ["target"]
    assert (tmp_path / "target" / "a").read_text() == (tmp_path / "target" / "b").read_text()


def test_other_errors_stay_what_they_are(tmp_path):
    with pytest.raises(KeyError), files.writing(tmp_path):
        raise KeyError("x")


KILLED = """
import os, signal, sys
from keras_ser import files
left = [1]
def replace(old, new):
    if not left:
        os.kill(os.getpid(), signal.SIGKILL)
    left.pop()
    os.rename(old, new)
os.replace = replace
with files.replaced(sys.argv[1]) as part:
    part.mkdir()
"""


@pytest.mark.parametrize("recovered", ["by a call", "by the next write"])
def test_what_a_process_killed_between_its_two_moves_had_moved_away_is_brought_back(recovered, tmp_path):
    target = tmp_path / "target"
    write_folder(target, "old")
    assert subprocess.run([sys.executable, "-c", KILLED, str(target)]).returncode == -signal.SIGKILL
    assert not target.exists()
    if recovered == "by a call":
        files.recover(tmp_path)
    else:
        with files.replaced(tmp_path / "other") as part:
            part.touch()
        (tmp_path / "other").unlink()
    assert (target / "file").read_text() == "old"
    assert names(tmp_path) == ["target"]


TEMPORARY = """
import os, signal, sys, tempfile
from keras_ser import files
with files.temporary(sys.argv[1]):
    open(os.path.join(tempfile.mkdtemp(), "best.h5"), "w").close()
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_temporary_files_go_with_the_block_or_with_the_next_call_of_a_process_that_was_killed(tmp_path):
    before = tempfile.gettempdir()
    with files.temporary(tmp_path / "made" / "out"):
        Path(tempfile.mkdtemp(), "x").touch()
        assert len(list(tmp_path.rglob("x"))) == 1
    assert tempfile.gettempdir() == before
    assert names(tmp_path / "made" / "out") == []
    assert subprocess.run([sys.executable, "-c", TEMPORARY, str(tmp_path)]).returncode == -signal.SIGKILL
    assert len(list(tmp_path.rglob("best.h5"))) == 1
    files.recover(tmp_path)
    assert names(tmp_path) == ["made"]


@pytest.mark.slow
def test_a_system_without_file_locks_is_told_in_one_line():
    code = "import sys; sys.modules['fcntl'] = None; from keras_ser.cli import commands; exit(commands.main(['page']))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 2
    assert done.stderr.startswith("keras-ser: Windows lacks the file locks")
    assert done.stderr.count("\n") == 1


def test_what_is_being_written_is_not_recovered(tmp_path):
    with files.replaced(tmp_path / "target") as part:
        files.recover(tmp_path.parent, below=True)
        part.touch()
    assert names(tmp_path) == ["target"]
