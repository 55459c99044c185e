"""Oracle: libsndfile, through ``audio.read``; and Python's struct for the layout."""

import struct

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from keras_ser import audio
from keras_ser.serving import wav

RATE = 16000
SUBFORMAT = bytes.fromhex("000000001000800000aa00389b71")  # what follows the format tag in its GUID
UNKNOWN = 0xFFFFFFFF


@pytest.fixture(scope="module")
def decode():
    """bytes → (waveform, rate, status), in a graph."""
    graph = tf.function(wav.decode, input_signature=[tf.TensorSpec([], tf.string)])

    def call(content):
        waveform, rate, status = graph(content)
        return waveform.numpy(), int(rate), status.numpy().decode()

    return call


def samples(tag, bits, n, rng):
    """The bytes of ``n`` random samples."""
    if tag == wav.FLOAT:
        return rng.uniform(-1, 1, n).astype(f"<f{bits // 8}").tobytes()
    return rng.integers(0, 256, n * bits // 8).astype(np.uint8).tobytes()


def chunk(name, content, *, size=None, padded=True):
    size = len(content) if size is None else size
    return name + struct.pack("<I", size) + content + b"\0" * (len(content) % 2 if padded else 0)


def build(
    sound,
    *,
    tag=wav.PCM,
    bits=16,
    n_channels=1,
    rate=RATE,
    extensible=False,
    before=(),
    between=(),
    after=(),
    riff_size=None,
    data_size=None,
    padded=True,
    trailing=b"",
):
    """A WAV file. ``before``, ``between``, ``after``: (name, content) of chunks around the format and the samples."""
    width = n_channels * bits // 8
    header = struct.pack(
        "<HHIIHH", wav.EXTENSIBLE if extensible else tag, n_channels, rate, min(rate * width, UNKNOWN), width, bits
    )
    if extensible:
        header += struct.pack("<HHIH", 22, bits, 0, tag) + SUBFORMAT
    chunks = [chunk(*one, padded=padded) for one in before]
    chunks += [chunk(b"fmt ", header), *(chunk(*one, padded=padded) for one in between)]
    chunks += [chunk(b"data", sound, size=data_size), *(chunk(*one) for one in after)]
    body = b"WAVE" + b"".join(chunks)
    return b"RIFF" + struct.pack("<I", len(body) if riff_size is None else riff_size) + body + trailing


def check(decode, content, path):
    """The graph hears what libsndfile hears."""
    path.write_bytes(content)
    expected, rate = audio.read(path)
    waveform, found_rate, status = decode(content)
    assert (status, found_rate) == (wav.OK, rate)
    np.testing.assert_array_equal(waveform, expected)


KINDS = [(wav.PCM, 8), (wav.PCM, 16), (wav.PCM, 24), (wav.PCM, 32), (wav.FLOAT, 32), (wav.FLOAT, 64)]


@pytest.mark.slow
@pytest.mark.parametrize("extensible", [False, True])
@pytest.mark.parametrize("n_channels", [1, 2, 6])
@pytest.mark.parametrize(("tag", "bits"), KINDS)
def test_every_kind_of_samples(tag, bits, n_channels, extensible, decode, rng, tmp_path):
    sound = samples(tag, bits, 101 * n_channels, rng)
    content = build(sound, tag=tag, bits=bits, n_channels=n_channels, extensible=extensible, rate=44100)
    path = tmp_path / "x.wav"
    path.write_bytes(content)
    expected, _ = audio.read(path)
    waveform, rate, status = decode(content)
    assert (status, rate) == (wav.OK, 44100)
    # The average of six floats is not the same to the bit in NumPy and TensorFlow.
    np.testing.assert_allclose(waveform, expected, rtol=0, atol=0 if n_channels < 3 else 1e-7)
    first, _, _ = wav.decode(content, first_channel=True)
    np.testing.assert_array_equal(first, audio.read(path, first_channel=True)[0])


LAYOUTS = {
    "an odd chunk before the samples": {"between": [(b"LIST", b"INFOx" * 3)]},
    "chunks after the samples": {"after": [(b"LIST", b"INFO"), (b"_PMX", b"odd")]},
    "an odd file size, as half of RAVDESS": {"after": [(b"_PMX", b"odd")], "riff_size": 36 + 2000 + 8 + 11},
    "bytes after the end": {"trailing": b"TAG and a title"},
    "sizes that were not known": {"riff_size": UNKNOWN, "data_size": UNKNOWN},
    "a file size of 0": {"riff_size": 0},
    "a chunk before the format": {"before": [(b"JUNK", b"\0" * 28)]},
}


@pytest.mark.parametrize("layout", LAYOUTS.values(), ids=LAYOUTS)
def test_every_layout(layout, decode, rng, tmp_path):
    check(decode, build(samples(wav.PCM, 16, 1000, rng), **layout), tmp_path / "x.wav")


def test_an_odd_chunk_without_its_padding(decode):
    """libsndfile finds no samples in such a file, other programs do."""
    waveform, _, status = decode(build(SOUND, between=[(b"LIST", b"INFOx")], padded=False))
    assert status == wav.OK
    np.testing.assert_array_equal(waveform, np.frombuffer(SOUND, "<i2") / np.float32(32768))


SOUND = np.linspace(-9000, 9000, 500).astype("<i2").tobytes()
REFUSED = {
    "nothing": (b"", "no WAV file"),
    "text": (b"no sound at all, but long enough for a header of forty-four bytes", "no WAV file"),
    "no chunk": (build(SOUND)[:12], "no data chunk"),
    "the header alone": (build(SOUND)[:40], "no data chunk"),
    "no format": (b"RIFF\0\0\0\0WAVE" + chunk(b"data", SOUND), "no format chunk"),
    "a short format": (b"RIFF\0\0\0\0WAVE" + chunk(b"fmt ", b"\1\0") + chunk(b"data", SOUND), "too short"),
    "mu-law": (build(SOUND, tag=7, bits=8), "neither PCM"),
    "12 bits": (build(SOUND, bits=12), "neither PCM"),
    "no channels": (build(SOUND, n_channels=0), "no channels"),
    "1 Hz": (build(SOUND, rate=1), "a sample rate outside of 1000 to 768000 Hz"),
    "2^31 Hz": (build(SOUND, rate=1 << 31), "a sample rate outside"),
    "cut off": (build(SOUND)[:-100], "cut off"),
    "no samples": (build(b""), "no samples"),
    "half a sample": (build(b"\0"), "no samples"),
    "NaN": (build(np.float32([0, np.nan]).tobytes(), tag=wav.FLOAT, bits=32), "not finite"),
    "infinite": (build(np.float64([0, np.inf]).tobytes(), tag=wav.FLOAT, bits=64), "not finite"),
    "another scale": (build(np.float32([0, 9000]).tobytes(), tag=wav.FLOAT, bits=32), "outside of [-1, 1]"),
    "a chunk every eight bytes": (build(SOUND)[:36] + bytes(1 << 20), "no data chunk"),
}


@pytest.mark.parametrize(("content", "why"), REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_decoded_is_said(content, why, decode, tmp_path):
    waveform, rate, status = decode(content)
    assert why in status
    assert (len(waveform), rate) == (0, 0)


NAMES = st.sampled_from([b"LIST", b"JUNK", b"id3 ", b"_PMX", b"FLLR"])
READ_ANEW = b"RIFF", b"RIFX", b"data"  # after the last chunk libsndfile takes these for the beginning of another sound
CHUNKS = st.lists(st.tuples(NAMES, st.binary(max_size=40)), max_size=4)


@pytest.mark.slow
@settings(max_examples=100)
@given(
    kind=st.sampled_from(KINDS),
    n_channels=st.integers(1, 2),
    n_frames=st.integers(1, 60),
    rate=st.integers(*audio.RATES),
    extensible=st.booleans(),
    chunks=st.tuples(CHUNKS, CHUNKS),
    trailing=st.binary(max_size=30).filter(lambda content: not any(name in content for name in READ_ANEW)),
    seed=st.integers(0, 9),
)
def test_any_order_of_chunks(
    decode, tmp_path_factory, kind, n_channels, n_frames, rate, extensible, chunks, trailing, seed
):
    tag, bits = kind
    sound = samples(tag, bits, n_frames * n_channels, np.random.default_rng(seed))
    between, after = chunks
    content = build(
        sound,
        **{"tag": tag, "bits": bits, "n_channels": n_channels, "rate": rate, "extensible": extensible},
        **{"between": between, "after": after, "trailing": trailing},
    )
    check(decode, content, tmp_path_factory.getbasetemp() / "any.wav")


def damaged():
    """Bytes of a WAV file with bits turned over and its end cut off, or any bytes after a good beginning."""
    whole = st.sampled_from(
        [build(SOUND), build(SOUND, extensible=True, n_channels=2), build(SOUND, between=[(b"LIST", b"odd")])]
        + [build(samples(*kind, 40, np.random.default_rng(0)), tag=kind[0], bits=kind[1]) for kind in KINDS]
    )
    flips = st.lists(st.tuples(st.integers(0, 120), st.integers(0, 7)), max_size=6)

    def damage(content, flips, length):
        content = bytearray(content)
        for place, bit in flips:
            if place < len(content):
                content[place] ^= 1 << bit
        return bytes(content[:length])

    return st.builds(damage, whole, flips, st.integers(0, 1200)) | st.binary(max_size=80).map(
        lambda rest: b"RIFF\xff\xff\xff\xffWAVEfmt " + rest
    )


def check_damaged(decode, content):
    waveform, rate, status = decode(content)
    if status == wav.OK:
        assert audio.RATES[0] <= rate <= audio.RATES[1]
        assert len(waveform)
        assert np.abs(waveform).max() <= 1
    else:
        assert (len(waveform), rate) == (0, 0)


@pytest.mark.slow
@settings(max_examples=200)
@given(content=damaged())
def test_damage_is_a_status(decode, content):
    check_damaged(decode, content)


@pytest.mark.exhaustive
@settings(max_examples=10_000)
@given(content=damaged())
def test_much_damage_is_a_status(decode, content):
    check_damaged(decode, content)


def test_the_original_recordings_of_ravdess(decode, real_data):
    paths = sorted((real_data / "ravdess").rglob("*.wav"))[::40]
    if not paths:
        pytest.skip(f"no WAV files in {real_data / 'ravdess'}")
    for path in paths:
        waveform, rate, status = decode(path.read_bytes())
        expected, expected_rate = audio.read(path)
        assert (status, rate) == (wav.OK, expected_rate)
        np.testing.assert_array_equal(waveform, expected)
