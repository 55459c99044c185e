"""What may be asked about: files, folders and lists of files, and waveforms; each as its samples, with what makes an
answer doubtful. A recording that cannot be used is a UserError that says why, and no end of the others.
"""

import codecs
import contextlib
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from numbers import Real
from pathlib import Path

import numpy as np

from keras_ser import audio
from keras_ser.corpora.corpus import audio_files
from keras_ser.errors import UserError

PIECE = 1 << 24  # samples whose squares are held at a time
SHORTEST_S = 0.3  # less than a syllable or two
QUIET_DB = -60.0  # below full scale
SILENT = "silent: every sample is 0"


@dataclass(frozen=True)
class Sound:
    """A recording that lies in no file: ``channels`` float32 [samples, channels] in [-1, 1]."""

    channels: np.ndarray
    rate: int


def paths_of(paths: Iterable[str | Path]) -> Iterator[Path]:
    """The files named, and those with an audio suffix in the folders named. A folder that cannot be read, or has none,
    comes itself, as a file that cannot be used.
    """
    for path in map(Path, paths):
        if not os.path.isdir(path):  # Path.is_dir raises where a name is too long
            yield path
            continue
        none = True
        with contextlib.suppress(UserError):  # of the folder itself, before the first file
            for inside in audio_files(path):
                none = False
                yield path / inside
        if none:
            yield path


def listed(lines: Iterable[bytes]) -> Iterator[Path]:
    """The files of a list, one per line. Some programs begin a list with a mark of its encoding, which is no name."""
    for place, line in enumerate(lines):
        if place == 0:
            line = line.removeprefix(codecs.BOM_UTF8)
        if name := line.rstrip(b"\r\n"):
            yield Path(os.fsdecode(name))


def is_waveform(recordings):
    """Whether an array is one of numbers; one of objects or text is a list of paths, as :func:`load_corpus` has it."""
    return hasattr(recordings, "ndim") and (np.ndim(recordings) == 0 or np.asarray(recordings).dtype.kind not in "OUT")


def sound_of(recording, sample_rate):
    """A path as it is, a waveform as a :class:`Sound`. Raises UserError where it is neither."""
    if isinstance(recording, (str, Path)):
        return recording
    samples = np.asarray(recording)
    if samples.ndim not in (1, 2) or samples.size == 0 or not (samples.dtype == np.int16 or samples.dtype.kind == "f"):
        raise UserError(
            "a recording is a path, or a waveform [samples] or [samples, channels] of floats in [-1, 1] or of int16; "
            f"received: {type(recording).__name__} of {samples.dtype}, shape {samples.shape}"
        )
    if samples.ndim == 2 and samples.shape[0] < samples.shape[1]:
        raise UserError(
            f"a waveform [samples, channels] of shape {samples.shape} has more channels than samples: transpose it"
        )
    least, most = audio.RATES
    if not isinstance(sample_rate, Real) or not least <= sample_rate <= most or sample_rate != int(sample_rate):
        raise UserError(f"a waveform needs its sample_rate, {least} to {most} Hz; received: {sample_rate!r}")
    channels = samples.reshape(len(samples), -1).astype(np.float32)
    if samples.dtype == np.int16:
        channels /= 32768
    peak = np.abs(channels).max()  # NaN if any sample is
    if not peak <= audio.LARGEST_OVERSHOOT:
        raise UserError(f"a waveform with samples up to {peak:g}: finite numbers in [-1, 1] are needed")
    return Sound(np.clip(channels, -1, 1), int(sample_rate))


def check_has_recordings(path):
    """Raises UserError where ``path`` is a folder without a recording, or one that cannot be read. What else was found
    in it :func:`paths_of` has said.
    """
    if not os.path.isdir(path):
        return
    if not os.access(path, os.R_OK | os.X_OK):
        raise UserError(f"{path}: cannot be read; allow reading, or name another folder")
    names = (name for _, _, names in os.walk(path) for name in names)
    if not any(os.path.splitext(name)[1].lower() in audio.SUFFIXES for name in names):
        raise UserError(f"{path}: no audio file is there (a model stands first, and alone): name recordings")


def stated_values(path):
    return path.channels.size if isinstance(path, Sound) else audio.stated_values(path)


def read(path, first_channel):
    """→ path and (waveform, rate, warnings), or path and what is wrong with it."""
    if isinstance(path, Sound):
        y = audio.to_mono(path.channels, first_channel)
        return None, (y, path.rate, _warnings(y, path.rate))
    try:
        check_has_recordings(path)
        y, rate = audio.read(path, first_channel=first_channel)
        return path, (y, rate, _warnings(y, rate))
    except UserError as error:
        return path, error
    except MemoryError:
        return path, too_long(path)


def too_long(path):
    return UserError(f"{path or 'a waveform'}: memory does not suffice for it: cut it into shorter recordings")


def _warnings(y, rate):
    """What about a recording makes an answer doubtful."""
    peak = max(y.max(), -y.min())
    # In float64: the square of a denormal number is 0 in float32. By pieces: a recording may be hours long.
    pieces = (y[start : start + PIECE] for start in range(0, len(y), PIECE))
    level = np.sqrt(sum(np.square(piece, dtype=np.float64).sum() for piece in pieces) / len(y))
    longest = audio.clipped_run(y) if peak >= audio.FULL_SCALE else 0
    out = []
    if len(y) < SHORTEST_S * rate:
        out.append(f"short: {len(y) / rate:.2f} s")
    if peak == 0:
        out.append(SILENT)
    elif 20 * np.log10(level) < QUIET_DB:
        out.append(f"quiet: {20 * np.log10(level):.0f} dB below full scale")
    if longest >= audio.CLIPPED_RUN:
        out.append(f"clipped: {longest} samples in a row at full scale")
    return tuple(out)
