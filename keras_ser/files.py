"""The one atomic write: a file or a folder appears whole or not at all, and what was there before stays until then.

In: a path, and a block that writes to a temporary path beside it. Out: the path, complete; or a UserError that says
what the disk does not allow and what to do about it, with nothing left behind.

    with files.replaced(folder / "table.csv") as part:
        table.to_csv(part, index=False)
"""

import contextlib
import errno
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

from keras_ser.errors import UserError

PART = ".part-"  # what folders of unfinished writes begin with: a killed process leaves one behind

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


@contextlib.contextmanager
def replaced(path: str | Path) -> Iterator[Path]:
    """A temporary path, for the block to write a file or a folder to, which then takes the place of ``path``.

    Folders above ``path`` are made. Whatever the block raises, KeyboardInterrupt included, ``path`` is as it was.

    Raises:
        UserError: the disk does not take it.
    """
    with writing(path):
        path = Path(os.path.abspath(path))  # "." has a name too
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=path.parent, prefix=PART) as folder:
            part, old = Path(folder, path.name), Path(folder, "old", path.name)
            yield part
            try:
                if part.is_dir() and os.path.lexists(path):  # a folder cannot be moved onto another
                    old.parent.mkdir()
                    os.replace(path, old)
                os.replace(part, path)
            finally:
                if os.path.lexists(old) and not os.path.lexists(path):
                    os.replace(old, path)


@contextlib.contextmanager
def writing(path: str | Path) -> Iterator[None]:
    """Whatever the disk refuses in the block becomes a UserError that names ``path``, the cause and what to do.

    Libraries have errors of their own for it (TensorFlow, HDF5, NumPy), which are known by their words.
    """
    try:
        yield
    except Exception as error:
        number = next((number for words, number in _WORDS.items() if words in str(error)), None)
        if number is None and not isinstance(error, OSError):
            raise
        number = number or error.errno
        reason = os.strerror(number) if number else " ".join(str(error).split())
        advice = f": {_ADVICE[number]}" if number in _ADVICE else ""
        raise UserError(f"cannot write {path}: {reason}{advice}") from error
