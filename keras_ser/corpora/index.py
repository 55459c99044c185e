"""What every recording holds, found by decoding it once: later calls decode what has changed since.

In: paths of sound files or of parts of them. Out: a `Look` per path, or the AudioError that says why there is none.
The index is one SQLite file, which several processes may use at a time; a row counts as long as the file has the size
and times that it had, and the code that looks is the same. It is no more than a cache: one that is damaged is made
anew, and where none can be written every file is decoded.
"""

import contextlib
import functools
import hashlib
import inspect
import json
import os
import sqlite3
import sys
import threading
from collections.abc import Iterable, Iterator
from dataclasses import astuple, dataclass
from pathlib import Path

import numpy as np
import soundfile

from keras_ser import audio

NAME = "recordings.sqlite"
ROWS_AT_ONCE = 1000  # written together: what a killed process loses
PATIENCE = 60.0  # seconds to wait for another process that writes


@dataclass(frozen=True, slots=True)
class Look:
    """What one recording holds."""

    audio_hash: str  # `audio.digest` of its average of channels
    rate: int  # hertz
    samples: int
    channels: int
    alike: bool  # whether all channels hold the same
    silent: bool  # whether every sample of the average is 0
    peak: float  # of any channel
    clipped: int  # the most samples in a row at full scale
    start: str  # the first four bytes of its file, in hexadecimal digits


def looks(paths: Iterable[str], folder: str | Path | None = None) -> Iterator[Look | audio.AudioError]:
    """A look at each recording, in order, by threads. `folder`: where the index is kept; None: nowhere."""
    with contextlib.closing(_Index(folder)) as index:
        for path, status, look in audio.decoded_ahead(index.look, paths):
            if status:
                index.add(path, status, look)
            yield look


@audio.in_memory
def _decoded(path: str) -> Look:
    """Raises AudioError."""
    channels, rate = audio.read_channels(path)
    with open(_file_of(path), "rb") as file:
        start = file.read(4)
    mono, level = audio.to_mono(channels), np.abs(channels).max(axis=1)
    peak = float(level.max())
    return Look(
        audio_hash=audio.digest(mono, rate),
        rate=rate,
        samples=len(mono),
        channels=channels.shape[1],
        alike=bool((channels == channels[:, :1]).all()),
        silent=not mono.any(),
        peak=peak,
        clipped=audio.clipped_run(level) if peak >= audio.FULL_SCALE else 0,
        start=start.hex(),
    )


def _file_of(path: str) -> Path:
    part = audio.part_of(path)
    return part[0] if part else Path(path)


@functools.cache
def _code() -> bytes:
    """What decides what a look at the same file finds."""
    sources = [inspect.getsource(module) for module in (audio, sys.modules[__name__])]
    return hashlib.blake2b(repr((sources, soundfile.__libsndfile_version__)).encode()).digest()


class _Index:
    """Rows of path, look and seal: a digest of both, of the code, and of the file's size and times."""

    def __init__(self, folder):
        self._path = folder and Path(folder) / NAME
        self._lock = threading.Lock()
        self._new = []
        self._rows = self._opened()

    def _opened(self):
        if self._path:
            for _ in range(2):
                with contextlib.suppress(OSError):
                    try:
                        self._path.parent.mkdir(parents=True, exist_ok=True)
                        return _table(self._path)
                    except Exception:  # of a damaged file: of many classes, UnicodeDecodeError too
                        self._discard()
        return _table(":memory:")

    def look(self, path: str):
        """→ path, its file's status if it has been decoded (else None), look or error"""
        try:
            status = os.stat(_file_of(path))
        except (OSError, ValueError):
            status = None
        known = status and self._known(path, status)
        if known:
            return path, None, known
        try:
            return path, status, _decoded(path)
        except audio.AudioError as error:
            error.__context__ = error.__traceback__ = None  # which hold what was decoded, for as long as the error is
            return path, None, error

    def _known(self, path, status):
        with self._lock, contextlib.suppress(Exception):  # a damaged row is none
            row = self._row(os.fsencode(path))
            if row and row[1] == _seal(path, row[0], status):
                return Look(*json.loads(row[0]))
        return None

    def add(self, path, status, look):
        text = json.dumps(astuple(look))
        self._new.append((os.fsencode(path), text, _seal(path, text, status)))
        if len(self._new) >= ROWS_AT_ONCE:
            self._write()

    def _write(self):
        rows, self._new = self._new, []
        with self._lock:
            try:
                with self._rows:
                    self._rows.executemany("INSERT OR REPLACE INTO looks VALUES (?, ?, ?)", rows)
                sound = all(self._row(path) == (look, seal) for path, look, seal in rows)
            except sqlite3.OperationalError as error:  # a full disk, another process that writes for long, or damage
                says_readonly = "readonly" in str(error) and os.access(self._path, os.W_OK)  # its header says so
                sound = self._is_sound() and not says_readonly
            except Exception:
                sound = False
            if not sound:  # the next call makes it anew
                with contextlib.suppress(OSError):
                    self._discard()

    def _row(self, path):
        return self._rows.execute("SELECT look, seal FROM looks WHERE path = ?", [path]).fetchone()

    def _is_sound(self):
        with contextlib.suppress(Exception):
            return self._rows.execute("PRAGMA quick_check").fetchone() == ("ok",)
        return False

    def _discard(self):
        for suffix in ("", "-journal") if self._path else ():
            Path(f"{self._path}{suffix}").unlink(missing_ok=True)

    def close(self):
        if self._new:
            self._write()
        self._rows.close()


def _table(place):
    rows = sqlite3.connect(place, timeout=PATIENCE, check_same_thread=False)
    with rows:
        rows.execute("CREATE TABLE IF NOT EXISTS looks (path BLOB PRIMARY KEY, look TEXT, seal BLOB) WITHOUT ROWID")
        rows.execute("SELECT path, look, seal FROM looks LIMIT 1").fetchone()
    return rows


def _seal(path: str, look: str, status: os.stat_result) -> bytes:
    of_file = path, status.st_size, status.st_mtime_ns, status.st_ctime_ns
    return hashlib.blake2b(ascii((look, of_file)).encode() + _code(), digest_size=12).digest()
