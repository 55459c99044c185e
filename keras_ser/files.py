"""The one atomic write, and the one way to read what was written: a file or a folder appears whole or not at all, what
was there before stays until then, and what was damaged since is named.

In: a path, and a block that writes to a temporary path beside it. Out: the path, complete; or a UserError that says
what the disk does not allow and what to do about it, with nothing left behind.

    with files.replaced(folder / "table.csv") as part:
        table.to_csv(part, index=False)
    with files.reading(folder / "table.csv", "delete it and reproduce again"):
        table = pd.read_csv(folder / "table.csv")
"""

import contextlib
import errno
import functools
import io
import os
import shutil
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path

from keras_ser.errors import UserError

try:
    import fcntl
except ModuleNotFoundError:
    raise UserError("Windows lacks the file locks that keras-ser needs: use it in WSL, on Linux or on macOS") from None

PART = ".keras-ser-part-"  # what folders of unfinished writes begin with: a killed process leaves one behind

LONGEST_REASON = 200  # characters of a library's own message

ATTEMPTS = 20  # to put a folder where other processes put theirs at the same moment

_OVERTAKEN = (errno.ENOENT, errno.ENOTEMPTY, errno.EEXIST)
_FULL = (errno.ENOSPC, errno.EDQUOT)
# How libraries say in errors of their own what the system said to them.
_WORDS = {
    **{os.strerror(number): number for number in (*_FULL, errno.EFBIG, errno.EACCES, errno.EROFS)},
    "requested and": errno.ENOSPC,  # NumPy: "30000 requested and 234 written"
}
_ADVICE = {
    **dict.fromkeys(_FULL, "free some space and run again"),
    **dict.fromkeys((errno.EACCES, errno.EPERM, errno.EROFS), "choose a folder that you may write to"),
    **dict.fromkeys((errno.EEXIST, errno.ENOTDIR), "a file is where a folder is needed: choose another path"),
    errno.ENAMETOOLONG: "choose a shorter name",
}


def check_is_path(value: object, taken: str) -> None:
    """Raises UserError where ``value`` is no path, which says what is ``taken``."""
    if not isinstance(value, (str, os.PathLike)):
        raise UserError(f"{taken}; received: {type(value).__name__}")


def check_writable(path: str | Path, *, folder: bool = False) -> None:
    """Raises UserError where :func:`replaced` could not write a file to ``path`` (``folder``: one in the folder)."""
    with writing(path):
        target = Path(os.path.realpath(path))  # of a link, the file that it leads to
        if target.exists() and not target.is_file() and not folder:
            kind = "a directory" if target.is_dir() else "a pipe, a socket or a device"
            raise UserError(f"{path}: is {kind}: name a file to write to")
        folders = [target, *target.parents] if folder else target.parents
        above = next(item for item in folders if os.path.lexists(item))  # those below it would be made
        if not above.is_dir():
            raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR))
        if not os.access(above, os.W_OK | os.X_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))


@contextlib.contextmanager
def replaced(path: str | Path) -> Iterator[Path]:
    """A temporary path, for the block to write a file or a folder to, which then takes the place of ``path``.

    Folders above ``path`` are made, and where it is a link to a file, that file is replaced. Whatever the block raises,
    KeyboardInterrupt included, ``path`` is as it was.

    Raises:
        UserError: the disk does not take it.
    """
    with writing(path):
        path = Path(os.path.abspath(path))  # "." has a name too
        try:  # asked once: another process may be replacing it
            mode = os.stat(path).st_mode
        except OSError:
            mode = stat.S_IFREG  # nothing is there
        if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
            raise UserError(f"cannot write {path}: a pipe, a socket or a device, not a file: choose another path")
        if path.is_symlink() and not path.is_dir():
            path = Path(os.path.realpath(path))
        path.parent.mkdir(parents=True, exist_ok=True)
        _recover_once(path.parent)
        with _unfinished(path.parent) as folder:
            part, old = Path(folder, path.name), Path(folder, "old", path.name)
            yield part
            try:
                _put(part, path, old)
            except BaseException:
                if os.path.lexists(old) and not os.path.lexists(path):
                    os.replace(old, path)
                raise


def _put(part: Path, path: Path, old: Path) -> None:
    """Move ``part`` to ``path``, and a folder that is there to ``old``. Of several processes the last one stays."""
    for attempts_left in reversed(range(ATTEMPTS)):
        try:
            if part.is_dir() and os.path.lexists(path):  # a folder cannot be moved onto another
                shutil.rmtree(old.parent, ignore_errors=True)  # of an attempt before: another process's is there now
                old.parent.mkdir()
                os.replace(path, old)
            os.replace(part, path)
            return
        except OSError as error:
            if error.errno not in _OVERTAKEN or not attempts_left:
                raise


@contextlib.contextmanager
def _unfinished(parent: Path) -> Iterator[str]:
    """A folder for a write, locked for as long as this process lives: :func:`recover` of another leaves it alone."""
    while True:
        folder = tempfile.mkdtemp(dir=parent, prefix=PART)
        with contextlib.suppress(FileNotFoundError):
            lock = os.open(folder, os.O_RDONLY)
            fcntl.flock(lock, fcntl.LOCK_EX)
            if os.path.isdir(folder):  # another process may have found it before it was locked, and removed it
                break
            os.close(lock)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(lock)


@contextlib.contextmanager
def temporary(parent: str | Path) -> Iterator[None]:
    """Within the block temporary files, those of libraries too, lie in ``parent``, and are deleted after it.

    Where the process is killed, :func:`recover` deletes them. Raises UserError where the disk allows no such folder.
    """
    with contextlib.ExitStack() as stack:
        with writing(parent):
            Path(parent).mkdir(parents=True, exist_ok=True)
            folder = stack.enter_context(_unfinished(Path(parent)))
        before, tempfile.tempdir = tempfile.tempdir, folder
        try:
            yield
        finally:
            tempfile.tempdir = before


def recover(folder: str | Path, *, below: bool = False) -> None:
    """Undo in ``folder`` (``below``: and in all folders below it) what processes that were killed were writing.

    What such a process had moved away to make room is brought back, and its unfinished file or folder deleted. What
    another process is writing at this moment stays. Where the disk allows no change, nothing is changed.
    """
    for parent, folders, _ in os.walk(folder):  # which takes no notice of what another process has just deleted
        parts = [name for name in folders if name.startswith(PART)]
        folders[:] = [name for name in folders if below and name not in parts]
        for name in parts:
            _recover(Path(parent, name))


def _recover(part: Path) -> None:
    with contextlib.suppress(OSError):
        lock = os.open(part, os.O_RDONLY)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            for old in part.glob("old/*"):
                if not os.path.lexists(part.parent / old.name):
                    os.replace(old, part.parent / old.name)
            shutil.rmtree(part)
        finally:
            os.close(lock)


@functools.cache
def _recover_once(folder: Path) -> None:
    recover(folder)


@contextlib.contextmanager
def writing(path: str | Path) -> Iterator[None]:
    """Whatever the disk refuses in the block becomes a UserError that names ``path``, the cause and what to do.

    Libraries have errors of their own for it (TensorFlow, HDF5, NumPy), which are known by their words.
    """
    try:
        yield
    except UserError:
        raise
    except Exception as error:
        number = next((number for words, number in _WORDS.items() if words in str(error)), None)
        if number is None and not isinstance(error, OSError):
            raise
        number = number or error.errno
        reason = os.strerror(number) if number else " ".join(str(error).split())
        advice = f": {_ADVICE[number]}" if number in _ADVICE else ""
        raise UserError(f"cannot write {path}: {reason}{advice}") from error


@contextlib.contextmanager
def reading(path: str | Path, advice: str) -> Iterator[None]:
    """Whatever the block raises becomes a UserError that names ``path``, the cause and the ``advice``.

    For files that this package wrote, and for tables. Over a damaged one the libraries that read it raise errors of any
    class, so a block reads and checks, and does nothing else.
    """
    try:
        yield
    except UserError:
        raise
    except Exception as error:
        reason = getattr(error, "strerror", None) or " ".join(str(error).split()) or type(error).__name__
        reason = reason if len(reason) <= LONGEST_REASON else f"{reason[:LONGEST_REASON]}…"
        raise UserError(f"{path}: cannot be read ({reason}): {advice}") from error


def whole_text(path: str | Path) -> io.StringIO:
    """The text of a file of lines. Raises ValueError where its last line is cut off."""
    text = Path(path).read_text(encoding="utf-8")
    if not text.endswith("\n"):
        raise ValueError("its last line is cut off" if text else "the file is empty")
    return io.StringIO(text)
