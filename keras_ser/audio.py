"""The one place that opens a sound file.

In: a path to any format that libsndfile reads, whatever its suffix says, of 8 to 32 bits or float; `file#t=1.5,3` is
the part of a file from 1.5 to 3 seconds, `file#t=1.5,` that to its end.
Out: `waveform` float32 [samples] in [-1, 1], channels averaged (librosa's `to_mono`) unless the first alone is
asked for, and its sample rate in hertz.

An integer sample of 16 bits is divided by 32768, so `write` followed by `read` gives a 16-bit recording
back to the bit.
"""

import functools
import hashlib
import io
import math
import os
import re
import stat
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

import numpy as np
import soundfile

from keras_ser import files
from keras_ser.errors import UserError

SUFFIXES = frozenset(
    {".wav", ".wave", ".rf64", ".w64", ".flac", ".aif", ".aiff", ".aifc", ".caf", ".au", ".snd", ".sph", ".nist"}
    | {".ogg", ".oga", ".opus", ".mp3"}
)
UNREAD = frozenset({".m4a", ".aac", ".mp4", ".wma", ".webm", ".amr", ".3gp"})  # sound that libsndfile does not read
CONVERT = "not a form that libsndfile reads: convert to WAV or FLAC (ffmpeg -i a.m4a a.wav)"
CONVERT_ANEW = "convert it (ffmpeg -i FILE a.wav)"
LFS_SIGNATURE = b"version https://git-lfs"

FULL_SCALE = 32767 / 32768  # the largest sample that 16 bits hold
CLIPPED_RUN = 3

# A file may overshoot full scale a little (lossy codecs do) and is clipped; beyond this it has another scale.
LARGEST_OVERSHOOT = 2.0

# Lowest and highest sample rate in hertz: no speech is recorded below or above, and what resamples a second of sound
# from a damaged header's 1 Hz or 2^31 Hz asks for gigabytes.
RATES = (1000, 768000)

# libsndfile's log names the chunk that holds the samples: "data : 40000 (should be 19978)". Programs that
# write to a pipe leave the largest number there, for a length they did not know.
_SHORT_CHUNK = re.compile(r"^\s*(?:data|SSND|riff|Data Size)\s*: (\d+) \(should be (\d+)\)", re.MULTILINE)
UNKNOWN_LENGTH = 0x7FFFF000

_PART = re.compile(r"(.+)#t=(\d+(?:\.\d+)?),(\d+(?:\.\d+)?)?")
PART_SLACK = 0.1  # seconds that a part may end after its file: tables round

AHEAD = 1 << 24  # values decoded before they are asked for, 64 MB: 16 mono clips of 20 s at 48 kHz
_SHORT_FILE = 1 << 20  # bytes: what such a file holds, even MP3, is no matter of memory
_VALUES_AT_ONCE = 1 << 20  # decoded together: a header may state far more samples than the file holds
_MOST_FRAMES = 1 << 48  # no file holds so many
_MP3_HEAD = 512  # bytes: a frame's own header and side information, and what may stand in the first one in its place
_MP3_TAG = 4096  # bytes that may follow the last frame, or more if they begin so:
_MP3_TAGS = (b"TAG", b"APETAGEX", b"LYRICSBEGIN")
_MP3_LEAD = 16 * 1152  # samples: the first frames after a jump lack the bits that those before them hold

# libsndfile's scale of MP3's bit rates at 16 kHz, from 160 kbit/s at 0 to 8 at 1.
_MP3_32_KBIT = 0.842

_Item = TypeVar("_Item")
_Result = TypeVar("_Result")


class AudioError(UserError):
    """A sound file that cannot be used.

    `kind` is one word: missing, no_file, lfs_pointer, empty, truncated, unreadable, rate, nan, scale, part,
    too_long.
    """

    def __init__(self, kind: str, path: Path, what: str):
        super().__init__(f"{path}: {what}")
        self.kind = kind
        self.what = what


def in_memory(function: Callable[..., _Result]) -> Callable[..., _Result]:
    """A function of a path, which raises AudioError where memory does not suffice for what it does."""

    @functools.wraps(function)
    def checked(path, *arguments, **options):
        try:
            return function(path, *arguments, **options)
        except MemoryError:
            pass  # and what was decoded is freed: an error raised here would hold it
        what = f"too long: its {stated_values(path)} samples do not fit in the free memory: cut it into parts"
        raise AudioError("too_long", Path(path), what)

    return checked


@in_memory
def read(path: str | Path, *, first_channel: bool = False) -> tuple[np.ndarray, int]:
    """Decode one file to mono: the average of its channels, or the first of them.

    Returns:
        The waveform, float32 [samples] in [-1, 1], and the sample rate in hertz.

    Raises:
        AudioError: missing, no regular file, a Git LFS pointer, empty, truncated, no audio, a rate or samples that no
            recording has, or too long for the memory.
    """
    channels, sample_rate = read_channels(path)
    return to_mono(channels, first_channel), sample_rate


@in_memory
def read_channels(path: str | Path) -> tuple[np.ndarray, int]:
    """`read` with the channels kept apart: float32 [samples, channels]."""
    path, part = Path(path), part_of(path)
    file = part[0] if part else path
    _check_file(file)
    try:
        sound = soundfile.SoundFile(os.fsencode(file))  # a name need not be UTF-8
    except (
        soundfile.LibsndfileError,
        TypeError,
    ) as error:  # TypeError: a suffix like .raw, which states no format
        raise _explain_unreadable(file, error) from None
    with sound:
        sample_rate = sound.samplerate
        if not RATES[0] <= sample_rate <= RATES[1]:
            what = f"its header says {sample_rate} Hz, {RATES[0]} to {RATES[1]} are read: a damaged file?"
            raise AudioError("rate", path, what)
        if sound.frames == 0:
            raise AudioError("empty", path, "the file holds no samples")
        if sound.frames > _MOST_FRAMES:  # what a program that writes to a pipe does not know
            raise AudioError("unreadable", path, f"its header states no length: {CONVERT_ANEW}")
        try:
            if part:
                channels = _decode_part(path, sound, *part[1:])
            else:
                channels = _decode_mp3(path) if sound.format == "MP3" else _decode(sound)
        except soundfile.LibsndfileError as error:
            raise AudioError("truncated", path, f"decoding broke off ({error}): get the file again") from None
        if not part and (sound.format != "MP3" or _mp3_states_length(path)):
            _check_length(path, sound, len(channels), sound.frames)
    peak = np.abs(channels).max()  # NaN if any sample is
    if not np.isfinite(peak):
        raise AudioError("nan", path, "samples that are not finite numbers")
    if peak > LARGEST_OVERSHOOT:
        raise AudioError("scale", path, f"samples up to {peak:g}, expected [-1, 1]: divide by the full scale")
    return (np.clip(channels, -1, 1) if peak > 1 else channels), sample_rate


def stated_values(path: str | Path) -> int:
    """Samples × channels that `read_channels` gives, as the header states them; 0 where there is none."""
    path, part = Path(path), part_of(path)
    try:
        _check_file(part[0] if part else path)
        stated = soundfile.info(os.fsencode(part[0] if part else path))
    except (AudioError, soundfile.LibsndfileError, TypeError):
        return 0
    end = part and part[2] and round(part[2] * stated.samplerate)
    first = round(part[1] * stated.samplerate) if part else 0
    return max(0, min(stated.frames, end or stated.frames) - first) * stated.channels


def part_of(path: str | Path) -> tuple[Path, float, float | None] | None:
    """`file#t=start,end` → file, start, end in seconds; None where `path` is a whole file."""
    match = _PART.fullmatch(str(path))
    if not match or os.path.lexists(path):  # a file may be called so
        return None
    return Path(match[1]), float(match[2]), float(match[3]) if match[3] else None


def to_mono(channels: np.ndarray, first_channel: bool = False) -> np.ndarray:
    """float32 [samples, channels] → their average [samples], or the first."""
    if channels.shape[1] == 1 or first_channel:
        return channels[:, 0]  # NumPy's mean over an axis of one takes a third of the time of decoding
    return channels.mean(axis=1)


def read_many(paths: Iterable[str | Path]) -> Iterator[tuple[np.ndarray, int]]:
    """`read` of each path, in order, decoded ahead in threads; memory does not grow with their number."""
    return decoded_ahead(read, paths)


def decoded_ahead(decode: Callable[[_Item], _Result], paths: Iterable[_Item]) -> Iterator[_Result]:
    """`in_threads` for what decodes a path: of long recordings at most `AHEAD` values wait, or one recording."""
    return in_threads(decode, paths, cost=_values_of_long, most=AHEAD)


def _values_of_long(path: str | Path) -> int:
    """`stated_values`, 0 of a file so short that it need not be opened to say that."""
    part = part_of(path)
    try:
        return 0 if os.path.getsize(part[0] if part else path) <= _SHORT_FILE else stated_values(path)
    except (OSError, ValueError):  # nothing is there, or a name has a zero byte
        return 0


def write(path: str | Path, waveform: np.ndarray, sample_rate: int) -> None:
    """Write float [samples] in [-1, 1] as 16-bit PCM WAV, whole or not at all; beyond that range it clips.

    Raises:
        UserError: the disk does not take it.
    """
    waveform = np.asarray(waveform)
    if waveform.ndim != 1 or not np.isfinite(waveform).all():
        raise ValueError(f"`waveform` must be finite and of shape [samples]. Received: shape {waveform.shape}")
    pcm = np.clip(np.rint(waveform * 32768.0), -32768, 32767).astype(np.int16)
    file = io.BytesIO()  # libsndfile's own writing does not say why a disk does not take it
    soundfile.write(file, pcm, sample_rate, format="WAV", subtype="PCM_16")
    with files.replaced(path) as part:
        part.write_bytes(file.getvalue())


def packed(waveform: np.ndarray, sample_rate: int) -> bytes:
    """Float [samples] in [-1, 1] as a FLAC file of 16 bits, which browsers play at any sample rate."""
    file = io.BytesIO()
    soundfile.write(file, np.clip(waveform, -1, 1), sample_rate, format="FLAC", subtype="PCM_16")
    return file.getvalue()


def through_mp3(waveform: np.ndarray) -> np.ndarray:
    """Float [samples] in [-1, 1] at 16 kHz, encoded as MP3 of 32 kbit/s and decoded again."""
    file = io.BytesIO()
    options = {"bitrate_mode": "CONSTANT", "compression_level": _MP3_32_KBIT}
    soundfile.write(file, np.clip(waveform, -1, 1), 16000, format="MP3", subtype="MPEG_LAYER_III", **options)
    file.seek(0)
    return soundfile.read(file, dtype="float32")[0]


def clipped_run(waveform: np.ndarray) -> int:
    """The most samples in a row at full scale: [samples] → count. From `CLIPPED_RUN` on a recording is clipped."""
    flags = np.abs(waveform) >= FULL_SCALE
    edges = np.flatnonzero(np.diff(flags, prepend=False, append=False))  # start, end, start, end, …
    return int((edges[1::2] - edges[::2]).max(initial=0))


def digest(waveform: np.ndarray, sample_rate: int) -> str:
    """A hash of the sound itself: float32 samples and rate, whatever file they came from."""
    samples = np.ascontiguousarray(waveform, "<f4")
    return hashlib.blake2b(samples, digest_size=16, salt=int(sample_rate).to_bytes(16, "little")).hexdigest()


def in_threads(
    function: Callable[[_Item], _Result],
    items: Iterable[_Item],
    n_threads: int = 8,
    *,
    cost: Callable[[_Item], int] = lambda _: 0,
    most: int = 0,
) -> Iterator[_Result]:
    """`map` by threads: results in order. At most two a thread wait to be taken, and at most those whose `cost`
    together is `most`; one that costs more waits alone.
    """
    with ThreadPoolExecutor(n_threads) as pool:
        waiting: deque = deque()  # (future, cost)
        total = 0
        try:
            for item in items:
                of_item = cost(item)
                while waiting and (len(waiting) >= 2 * n_threads or total + of_item > most):
                    future, of_future = waiting.popleft()
                    total -= of_future
                    yield future.result()
                waiting.append((pool.submit(function, item), of_item))
                total += of_item
            while waiting:
                yield waiting.popleft()[0].result()
        finally:
            for future, _ in waiting:
                future.cancel()


def _check_file(path: Path) -> None:
    """Whatever is no regular file, or nowhere, is never opened: a pipe would wait for ever."""
    try:
        status = path.stat()
    except (OSError, ValueError) as error:  # ValueError: a name with a zero byte
        what = "a link to a file that is not there" if os.path.islink(path) else "no such file"
        if not isinstance(error, FileNotFoundError | NotADirectoryError):
            what = getattr(error, "strerror", None) or str(error)
        raise AudioError("missing", path, what) from None
    if not stat.S_ISREG(status.st_mode):
        what = "a folder" if stat.S_ISDIR(status.st_mode) else "a pipe, a socket or a device"
        raise AudioError("no_file", path, f"{what}, not a file")
    if status.st_size == 0:
        raise AudioError("empty", path, "the file has 0 bytes")


def _decode(sound: soundfile.SoundFile, most: float = math.inf) -> np.ndarray:
    """The samples from here on that are there, at most so many: float32 [samples, channels]."""
    at_once = max(1, _VALUES_AT_ONCE // sound.channels)
    blocks, n_frames, is_more = [], 0, True
    while is_more:
        asked = min(at_once, most - n_frames)
        blocks.append(sound.read(asked, dtype="float32", always_2d=True))
        n_frames += len(blocks[-1])
        is_more = len(blocks[-1]) == asked and n_frames < most
    return np.concatenate(blocks) if len(blocks) > 1 else blocks[0]


def _decode_mp3(path: Path) -> np.ndarray:
    """All samples of an MP3 file: float32 [samples, channels].

    libsndfile decodes as many as the first frame states of the whole, or as would follow if all were like that one.
    """
    with path.open("rb") as file, soundfile.SoundFile(file) as sound:
        channels = _decode(sound)
        decoded = file.tell()
        after = file.read(_MP3_TAG + 1)
    if len(after) > _MP3_TAG and not after.startswith(_MP3_TAGS):
        what = f"{decoded} of its {path.stat().st_size} bytes are what its header states, others follow: {CONVERT_ANEW}"
        raise AudioError("unreadable", path, what)
    return channels


def _mp3_states_length(path: Path) -> bool:
    """Whether the first frame says how many follow; without that libsndfile guesses."""
    with path.open("rb") as file:
        start = file.read(10)
        if start.startswith(b"ID3"):  # its size: four bytes of seven bits
            file.seek(10 + sum(byte << shift for byte, shift in zip(start[6:], (21, 14, 7, 0), strict=True)))
        else:
            file.seek(0)
        head = file.read(_MP3_HEAD)
    return any(word in head for word in (b"Xing", b"Info", b"VBRI"))


def _decode_part(path: Path, sound: soundfile.SoundFile, start: float, end: float | None) -> np.ndarray:
    """The samples from `start` to `end` seconds: float32 [samples, channels]."""
    seconds = sound.frames / sound.samplerate
    if start >= seconds or (end or 0) > seconds + PART_SLACK:
        raise AudioError("part", path, f"its file holds {seconds:.2f} s only")
    first = round(start * sound.samplerate)
    last = sound.frames if end is None else min(round(end * sound.samplerate), sound.frames)
    if first >= last:
        raise AudioError("part", path, "no sample lies between its start and its end")
    place = 0  # some formats of telephony are read from the start
    if sound.seekable():
        place = sound.seek(max(0, first - _MP3_LEAD) if sound.format == "MP3" else first)
    channels = _decode(sound, last - place)
    _check_length(path, sound, place + len(channels), last)
    return channels[first - place :]


def _explain_unreadable(path: Path, error: Exception) -> AudioError:
    try:
        with path.open("rb") as file:
            start = file.read(len(LFS_SIGNATURE))
    except OSError as denied:
        return AudioError("unreadable", path, f"cannot be opened ({denied.strerror})")
    if start == LFS_SIGNATURE:
        return AudioError("lfs_pointer", path, "a Git LFS pointer, not the sound: run `git lfs pull` in its repository")
    if path.suffix.lower() in UNREAD:
        return AudioError("unreadable", path, CONVERT)
    reason = getattr(error, "error_string", str(error))  # without the path, which is said already
    if "does not exist" in reason:  # what libsndfile says of an MP3 without a frame
        reason = "damaged"
    return AudioError("unreadable", path, f"not a sound file that libsndfile reads ({reason})")


def _check_length(path: Path, sound: soundfile.SoundFile, n_read: int, n_asked: int) -> None:
    """libsndfile reads what is there of a file that was cut off, and says so only in its log."""
    if n_read < n_asked:
        raise AudioError("truncated", path, f"{n_read} of {sound.frames} samples are there: get the file again")
    if n_asked < sound.frames:  # a part that is there
        return
    for stated, present in _SHORT_CHUNK.findall(sound.extra_info):
        if int(present) + 1 < int(stated) < UNKNOWN_LENGTH:  # + 1: the padding byte, which some programs count
            raise AudioError("truncated", path, f"{present} of {stated} bytes of sound are there: get the file again")
