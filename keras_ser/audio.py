"""The one place that opens a sound file.

In: a path to any format that libsndfile reads, whatever its suffix says, of 8 to 32 bits or float.
Out: `waveform` float32 [samples] in [-1, 1], channels averaged (librosa's `to_mono`) unless the first alone is
asked for, and its sample rate in hertz.

An integer sample of 16 bits is divided by 32768, so `write` followed by `read` gives a 16-bit recording
back to the bit.
"""

import hashlib
import io
import os
import re
import tempfile
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

import numpy as np
import soundfile

from keras_ser.errors import UserError

SUFFIXES = frozenset({".wav", ".flac", ".aif", ".aiff", ".aifc", ".ogg", ".opus", ".mp3", ".au", ".caf", ".w64"})
LFS_SIGNATURE = b"version https://git-lfs"

FULL_SCALE = 32767 / 32768  # the largest sample that 16 bits hold
CLIPPED_RUN = 3

# A file may overshoot full scale a little (lossy codecs do) and is clipped; beyond this it has another scale.
LARGEST_OVERSHOOT = 2.0

# libsndfile's log names the chunk that holds the samples: "data : 40000 (should be 19978)". Programs that
# write to a pipe leave the largest number there, for a length they did not know.
_SHORT_CHUNK = re.compile(r"^\s*(?:data|SSND|riff|Data Size)\s*: (\d+) \(should be (\d+)\)", re.MULTILINE)
_UNKNOWN_LENGTH = 0x7FFFF000

_Item = TypeVar("_Item")
_Result = TypeVar("_Result")


class AudioError(UserError):
    """A sound file that cannot be used.

    `kind` is one word: missing, lfs_pointer, empty, truncated, unreadable, nan, scale.
    """

    def __init__(self, kind: str, path: Path, what: str):
        super().__init__(f"{path}: {what}")
        self.kind = kind
        self.what = what


def read(path: str | Path, *, first_channel: bool = False) -> tuple[np.ndarray, int]:
    """Decode one file to mono: the average of its channels, or the first of them.

    Returns:
        The waveform, float32 [samples] in [-1, 1], and the sample rate in hertz.

    Raises:
        AudioError: missing, a Git LFS pointer, empty, truncated, no audio, or samples NaN or off scale.
    """
    channels, sample_rate = read_channels(path)
    return to_mono(channels, first_channel), sample_rate


def read_channels(path: str | Path) -> tuple[np.ndarray, int]:
    """`read` with the channels kept apart: float32 [samples, channels]."""
    path = Path(path)
    if not path.is_file():
        raise AudioError("missing", path, "no such file")
    if path.stat().st_size == 0:
        raise AudioError("empty", path, "the file has 0 bytes")
    try:
        sound = soundfile.SoundFile(path)
    except (
        soundfile.LibsndfileError,
        TypeError,
    ) as error:  # TypeError: a suffix like .raw, which states no format
        raise _explain_unreadable(path, error) from None
    with sound:
        if sound.frames == 0:
            raise AudioError("empty", path, "the file holds no samples")
        try:
            channels = sound.read(dtype="float32", always_2d=True)
        except soundfile.LibsndfileError as error:
            raise AudioError("truncated", path, f"decoding broke off ({error}): get the file again") from None
        _check_length(path, sound, len(channels))
        sample_rate = sound.samplerate
    peak = np.abs(channels).max()  # NaN if any sample is
    if not np.isfinite(peak):
        raise AudioError("nan", path, "samples that are not finite numbers")
    if peak > LARGEST_OVERSHOOT:
        raise AudioError("scale", path, f"samples up to {peak:g}, expected [-1, 1]: divide by the full scale")
    return (np.clip(channels, -1, 1) if peak > 1 else channels), sample_rate


def to_mono(channels: np.ndarray, first_channel: bool = False) -> np.ndarray:
    """float32 [samples, channels] → their average [samples], or the first."""
    if channels.shape[1] == 1 or first_channel:
        return channels[:, 0]  # NumPy's mean over an axis of one takes a third of the time of decoding
    return channels.mean(axis=1)


def read_many(paths: Iterable[str | Path]) -> Iterator[tuple[np.ndarray, int]]:
    """`read` of each path, in order, decoded ahead in threads; memory does not grow with their number."""
    return in_threads(read, paths)


def write(path: str | Path, waveform: np.ndarray, sample_rate: int) -> None:
    """Write float [samples] in [-1, 1] as 16-bit PCM WAV, whole or not at all; beyond that range it clips."""
    waveform = np.asarray(waveform)
    if waveform.ndim != 1 or not np.isfinite(waveform).all():
        raise ValueError(f"`waveform` must be finite and of shape [samples]. Received: shape {waveform.shape}")
    pcm = np.clip(np.rint(waveform * 32768.0), -32768, 32767).astype(np.int16)
    path = Path(path)
    handle, partial = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    os.close(handle)
    try:
        soundfile.write(partial, pcm, sample_rate, format="WAV", subtype="PCM_16")
        os.chmod(partial, 0o644)  # mkstemp's files are private
        os.replace(partial, path)
    except BaseException:
        os.unlink(partial)
        raise


def packed(waveform: np.ndarray, sample_rate: int) -> bytes:
    """Float [samples] in [-1, 1] as a FLAC file of 16 bits, which browsers play at any sample rate."""
    file = io.BytesIO()
    soundfile.write(file, np.clip(waveform, -1, 1), sample_rate, format="FLAC", subtype="PCM_16")
    return file.getvalue()


def clipped_run(waveform: np.ndarray) -> int:
    """The most samples in a row at full scale: [samples] → count. From `CLIPPED_RUN` on a recording is clipped."""
    flags = np.abs(waveform) >= FULL_SCALE
    edges = np.flatnonzero(np.diff(flags, prepend=False, append=False))  # start, end, start, end, …
    return int((edges[1::2] - edges[::2]).max(initial=0))


def digest(waveform: np.ndarray, sample_rate: int) -> str:
    """A hash of the sound itself: float32 samples and rate, whatever file they came from."""
    samples = np.ascontiguousarray(waveform, "<f4")
    return hashlib.blake2b(samples, digest_size=16, salt=int(sample_rate).to_bytes(16, "little")).hexdigest()


def content_hash(path: str | Path) -> str:
    """`digest` of the decoded file: equal for a WAV and the FLAC made from it."""
    return digest(*read(path))


def in_threads(function: Callable[[_Item], _Result], items: Iterable[_Item], n_threads: int = 8) -> Iterator[_Result]:
    """`map` by threads: results in order, at most two a thread waiting to be taken."""
    with ThreadPoolExecutor(n_threads) as pool:
        waiting: deque = deque()
        try:
            for item in items:
                waiting.append(pool.submit(function, item))
                if len(waiting) >= 2 * n_threads:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()


def _explain_unreadable(path: Path, error: Exception) -> AudioError:
    with path.open("rb") as file:
        if file.read(len(LFS_SIGNATURE)) == LFS_SIGNATURE:
            return AudioError(
                "lfs_pointer", path, "a Git LFS pointer, not the sound: run `git lfs pull` in its repository"
            )
    return AudioError("unreadable", path, f"not a sound file that libsndfile reads ({error})")


def _check_length(path: Path, sound: soundfile.SoundFile, n_read: int) -> None:
    """libsndfile reads what is there of a file that was cut off, and says so only in its log."""
    if n_read < sound.frames:
        raise AudioError("truncated", path, f"{n_read} of {sound.frames} samples are there: get the file again")
    for stated, there in _SHORT_CHUNK.findall(sound.extra_info):
        if int(there) + 1 < int(stated) < _UNKNOWN_LENGTH:  # + 1: the padding byte, which some programs count
            raise AudioError("truncated", path, f"{there} of {stated} bytes of sound are there: get the file again")
