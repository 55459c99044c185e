"""audio: one file in, float32 mono out, and a plain sentence for every file that is none."""

import io
import os
import subprocess
import sys
from pathlib import Path

import hypothesis.extra.numpy as hnp
import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from keras_ser import audio
from keras_ser.errors import UserError

RATE = 16000


@pytest.fixture
def tone(rng):
    """A 16-bit recording: int16 [2000]."""
    return rng.integers(-20000, 20000, 2000).astype(np.int16)


@pytest.mark.parametrize(
    ("name", "format", "subtype", "tolerance"),
    [
        ("x.wav", "WAV", "PCM_16", 0),
        ("x.flac", "FLAC", "PCM_16", 0),
        ("x.wav", "AIFF", "PCM_16", 0),  # as two files of TESS are
        ("x.wav", "WAVEX", "PCM_24", 0),
        ("x.wav", "WAV", "PCM_32", 0),
        ("x.wav", "WAV", "FLOAT", 0),
        ("x.wav", "WAV", "PCM_U8", 2 / 128),
    ],
)
def test_reads_every_lossless_format_alike(tmp_path, tone, name, format, subtype, tolerance):
    path = tmp_path / name
    soundfile.write(path, tone / 32768, RATE, format=format, subtype=subtype)
    waveform, rate = audio.read(path)
    assert rate == RATE
    assert waveform.dtype == np.float32
    assert waveform.shape == (2000,)
    np.testing.assert_allclose(waveform, tone / 32768, rtol=0, atol=tolerance)


def test_channels_are_averaged(tmp_path):
    path = tmp_path / "stereo.wav"
    soundfile.write(path, np.array([[0.5, 0.25], [-0.5, 0.5]]), RATE, subtype="FLOAT")
    np.testing.assert_array_equal(audio.read(path)[0], np.float32([0.375, 0.0]))
    assert audio.read_channels(path)[0].shape == (2, 2)


def test_or_the_first_alone_is_heard(tmp_path):
    path = tmp_path / "stereo.wav"
    soundfile.write(path, np.array([[0.5, 0.25], [-0.5, 0.5]]), RATE, subtype="FLOAT")
    np.testing.assert_array_equal(audio.read(path, first_channel=True)[0], np.float32([0.5, -0.5]))


def test_a_little_overshoot_is_clipped(tmp_path):
    path = tmp_path / "hot.wav"
    soundfile.write(path, np.array([1.25, -1.5, 0.5]), RATE, subtype="FLOAT")
    np.testing.assert_array_equal(audio.read(path)[0], np.float32([1, -1, 0.5]))


@settings(max_examples=30, deadline=None)
@given(pcm=hnp.arrays(np.int16, st.integers(1, 300)))
def test_write_then_read_gives_16_bit_samples_back(tmp_path_factory, pcm):
    path = tmp_path_factory.mktemp("audio") / "x.wav"
    audio.write(path, pcm / 32768, RATE)
    waveform, _ = audio.read(path)
    np.testing.assert_array_equal(waveform, pcm.astype(np.float32) / 32768)


def test_write_clips_and_leaves_nothing_else(tmp_path):
    audio.write(tmp_path / "x.wav", np.array([2.0, -2.0]), RATE)
    np.testing.assert_allclose(audio.read(tmp_path / "x.wav")[0], [1, -1], atol=1 / 32768)
    assert [path.name for path in tmp_path.iterdir()] == ["x.wav"]


@pytest.mark.parametrize("waveform", [np.zeros((3, 2)), np.array([0, np.nan])])
def test_write_refuses_what_is_no_waveform(tmp_path, waveform):
    with pytest.raises(ValueError, match="Received"):
        audio.write(tmp_path / "x.wav", waveform, RATE)
    assert not list(tmp_path.iterdir())


def _cut(path, fraction):
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * fraction)])


def _write_bad(kind, folder, tone):
    path = folder / "bad.wav"
    if kind == "empty":
        soundfile.write(path, tone[:0], RATE)
    elif kind == "zero_bytes":
        path.touch()
    elif kind == "truncated_wav":
        soundfile.write(path, tone, RATE)
        _cut(path, 0.6)
    elif kind == "truncated_aiff":
        soundfile.write(path, tone, RATE, format="AIFF")
        _cut(path, 0.6)
    elif kind == "truncated_flac":
        soundfile.write(path, np.tile(tone, 20), RATE, format="FLAC")
        _cut(path, 0.6)
    elif kind == "text":
        path.write_text("no sound at all\n" * 20)
    elif kind == "mp3":
        path = path.with_suffix(".mp3")
        path.write_bytes(b"\xff\xfb\x90" + bytes(4000))
    elif kind == "raw":
        path = path.with_suffix(".raw")
        path.write_bytes(tone.tobytes())
    elif kind == "pointer":
        path.write_text("version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 12\n")
    elif kind == "nan":
        soundfile.write(path, np.array([0, np.nan, 0]), RATE, subtype="FLOAT")
    elif kind == "scale":
        soundfile.write(path, tone.astype(np.float32), RATE, subtype="FLOAT")
    elif kind in ("1 Hz", "16000001 Hz", "2147483647 Hz"):
        soundfile.write(path, tone, int(kind.split()[0]))
    elif kind == "folder":
        path.mkdir()
    elif kind == "pipe":
        os.mkfifo(path)
    elif kind == "device":
        path = Path("/dev/null")
    elif kind == "dangling":
        path.symlink_to("nowhere.wav")
    elif kind == "link_loop":
        path.symlink_to(path)
    elif kind == "long_name":
        path = folder / ("a" * 300 + ".wav")
    elif kind == "zero_in_name":
        path = folder / "a\0.wav"
    return path


@pytest.mark.parametrize(
    ("bad", "kind", "says"),
    [
        ("absent", "missing", "no such file"),
        ("empty", "empty", "no samples"),
        ("zero_bytes", "empty", "0 bytes"),
        ("truncated_wav", "truncated", "get the file again"),
        ("truncated_aiff", "truncated", "get the file again"),
        ("truncated_flac", "truncated", "get the file again"),
        ("text", "unreadable", "not a sound file"),
        ("mp3", "unreadable", r"not a sound file that libsndfile reads \(damaged\)"),
        ("raw", "unreadable", "not a sound file"),
        ("pointer", "lfs_pointer", "git lfs pull"),
        ("nan", "nan", "not finite"),
        ("scale", "scale", "divide"),
        ("1 Hz", "rate", "its header says 1 Hz, 1000 to 768000 are read"),
        ("16000001 Hz", "rate", "16000001"),
        ("2147483647 Hz", "rate", "2147483647"),
        ("folder", "no_file", "a folder, not a file"),
        ("pipe", "no_file", "a pipe"),
        ("device", "no_file", "a device"),
        ("dangling", "missing", "a link to a file that is not there"),
        ("link_loop", "missing", "levels of symbolic links"),
        ("long_name", "missing", "File name too long"),
        ("zero_in_name", "missing", "null byte"),
    ],
)
def test_a_bad_file_is_named_and_explained(tmp_path, tone, bad, kind, says):
    path = _write_bad(bad, tmp_path, tone)
    with pytest.raises(UserError, match=says) as caught:
        audio.read(path)
    assert caught.value.kind == kind
    assert str(path).replace("\0", "\\x00") in str(caught.value)
    assert "\n" not in str(caught.value)


def test_what_the_first_frame_of_an_mp3_does_not_count_is_not_lost_in_silence(tmp_path, rng):
    path = tmp_path / "x.mp3"
    soundfile.write(path, 0.1 * rng.normal(size=160_000), 16000)
    content = path.read_bytes()
    path.write_bytes(content + b"TAG" + bytes(8000))
    assert len(audio.read(path)[0]) == 160_000
    for joined in (content * 2, content + b"ID3" + bytes(7) + content):
        path.write_bytes(joined)
        with pytest.raises(audio.AudioError, match=f"{len(content)} of its {len(joined)} bytes are what its header st"):
            audio.read(path)
    path.write_bytes(content[: len(content) // 2])
    with pytest.raises(audio.AudioError, match="of 160000 samples are there: get the file again"):
        audio.read(path)


def test_an_mp3_that_states_no_length_is_as_long_as_what_is_there(tmp_path, rng):
    path = tmp_path / "x.mp3"
    y = 0.1 * rng.normal(size=160_000)
    soundfile.write(path, y, 16000, bitrate_mode="CONSTANT", compression_level=0.8)
    content = path.read_bytes()
    frames = [place for place in range(len(content)) if content[place : place + 2] == content[:2]]
    assert any(word in content[: frames[1]] for word in (b"Xing", b"Info"))
    headless = content[frames[1] : frames[-1] + 20]  # a stream that broke off within a frame
    for start in (b"", b"ID3\x04\0\0\0\0\x02\x00" + bytes(256)):
        path.write_bytes(start + headless)
        assert abs(len(audio.read(path)[0]) - 160_000) < 5 * 1152


def test_a_header_that_states_no_length(tmp_path, rng):
    path = tmp_path / "x.flac"
    soundfile.write(path, 0.1 * rng.normal(size=16000), 16000)
    content = bytearray(path.read_bytes())
    content[21] &= 0xF0  # of the block STREAMINFO, the last 36 bits before the digest
    content[22:26] = bytes(4)
    path.write_bytes(content)
    for name in (path, f"{path}#t=0,0.5"):
        with pytest.raises(audio.AudioError, match="its header states no length: convert it"):
            audio.read(name)


def test_a_part_of_an_mp3_is_what_the_whole_file_has_there(tmp_path, rng):
    """Its first frame takes bits from the frames before it."""
    with soundfile.SoundFile(tmp_path / "x.mp3", "w", 16000, 1, format="MP3", compression_level=0.5) as file:
        file.write(rng.uniform(-0.5, 0.5, 16000 * 5))
    whole, _ = audio.read(tmp_path / "x.mp3")
    for start in (0.01, 1.7, 3.3):
        part, _ = audio.read(f"{tmp_path / 'x.mp3'}#t={start},{start + 1}")
        np.testing.assert_allclose(part, whole[round(start * 16000) :][:16000], rtol=0, atol=1e-6)


@pytest.mark.parametrize(
    ("format", "part", "is_there"),
    [
        *[(format, part, True) for format in ("WAV", "FLAC", "MP3") for part in ("1,2", "0,5.5")],
        *[(format, part, False) for format in ("WAV", "FLAC", "MP3") for part in ("5,", "5,6.05")],
        *[(format, "5,8", False) for format in ("FLAC", "MP3")],  # of a WAV its length is known
    ],
)
def test_a_part_of_a_file_that_was_cut_off_is_whole_or_refused(format, part, is_there, tmp_path, rng):
    path = tmp_path / "x"
    soundfile.write(path, rng.uniform(-0.5, 0.5, 10 * RATE), RATE, format=format)
    _cut(path, 0.6)
    if is_there:
        start, end = part.split(",")
        assert len(audio.read(f"{path}#t={part}")[0]) == (float(end) - float(start)) * RATE
    else:
        with pytest.raises(audio.AudioError, match="get the file again") as caught:
            audio.read(f"{path}#t={part}")
        assert caught.value.kind == "truncated"


OUT_OF_MEMORY = """
import resource, sys
from keras_ser import audio
size = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (size + (64 << 20),) * 2)
try:
    audio.read(sys.argv[1])
except audio.AudioError as error:
    assert error.__context__ is None
    print(error.kind, error)
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="no other system limits a process's memory so")
def test_what_does_not_fit_in_memory_is_one_line(tmp_path):
    path = tmp_path / "long.wav"
    soundfile.write(path, np.zeros(8), RATE, subtype="PCM_U8")
    header = bytearray(path.read_bytes())
    header[4:8], header[40:44] = (n.to_bytes(4, "little") for n in (36 + 40_000_000, 40_000_000))
    path.write_bytes(header)
    os.truncate(path, 44 + 40_000_000)
    done = subprocess.run([sys.executable, "-c", OUT_OF_MEMORY, path], capture_output=True, text=True)
    assert done.stdout == (
        f"too_long {path}: too long: its 40000000 samples do not fit in the free memory: cut it into parts\n"
    )


SUBTYPES = [
    (format, subtype)
    for format in ("WAV", "WAVEX", "AIFF", "AU", "CAF", "W64", "FLAC", "OGG", "MP3")
    for subtype in soundfile.available_subtypes(format)
    if not subtype.startswith("DWVW")  # which libsndfile writes and cannot read
]


def encoded(format, subtype, y):
    """The bytes of a sound file, None where libsndfile reads this subtype and does not write it."""
    file = io.BytesIO()
    try:
        soundfile.write(file, y, RATE, format=format, subtype=subtype)
    except soundfile.LibsndfileError:
        return None
    return file.getvalue()


@pytest.mark.parametrize(("format", "subtype"), SUBTYPES)
def test_every_subtype_is_read(format, subtype, tmp_path, rng):
    """Some, such as GSM 6.10 in WAV, cannot be sought in."""
    y = 0.5 * np.sin(np.arange(3 * RATE) / 10)
    y += rng.normal(0, 0.02, len(y))  # within an MP3 of a tone alone libsndfile does not find the place
    content = encoded(format, subtype, y)
    if content is None:
        pytest.skip("libsndfile does not write it")
    (tmp_path / "x").write_bytes(content)
    waveform, rate = audio.read(tmp_path / "x")
    assert rate == RATE
    assert len(y) <= len(waveform) < len(y) + 3000  # whole blocks
    assert 0.3 < np.std(waveform) < 0.4
    for part, expected in (("0.5,1.25", waveform[RATE // 2 : RATE * 5 // 4]), ("1,", waveform[RATE:])):
        found, _ = audio.read(tmp_path / f"x#t={part}")
        assert len(found) == len(expected)
        assert np.median(np.abs(found - expected)) < 0.01  # Opus differs at first


def test_a_long_file_is_read_in_blocks(tmp_path, monkeypatch):
    monkeypatch.setattr(audio, "_VALUES_AT_ONCE", 64)
    y = np.arange(640, dtype=np.int16).reshape(320, 2)
    for n_frames in (31, 32, 33, 64, 320):
        soundfile.write(tmp_path / "x.wav", y[:n_frames], RATE)
        np.testing.assert_array_equal(audio.read_channels(tmp_path / "x.wav")[0], y[:n_frames] / np.float32(32768))


def test_a_name_that_is_not_utf_8_or_not_one_line(tmp_path, tone):
    for name in (b"\xff\xe9.wav", "línea\nnueva.wav".encode()):
        path = Path(os.fsdecode(os.fsencode(tmp_path) + b"/" + name))
        audio.write(path, tone / 32768, RATE)
        np.testing.assert_array_equal(audio.read(path)[0], tone / np.float32(32768))
        path.write_bytes(b"no sound")
        with pytest.raises(UserError) as caught:
            audio.read(path)
        assert str(caught.value).isprintable()
    assert "l\u00ednea\\nnueva.wav: not a sound" in str(caught.value)


def damaged_files():
    """Bytes of sound files with bits turned over, numbers in the header replaced and the end cut off."""
    y = 0.5 * np.sin(np.arange(2000) / 10)
    whole = [content for content in (encoded(*kind, y) for kind in SUBTYPES) if content]
    flips = st.lists(st.tuples(st.integers(0, 150), st.integers(1, 255)), max_size=8)
    number = st.sampled_from([0, 1, 0x7FFFFFFF, 0x80000000, 0xFFFFFFF0, 0xFFFFFFFF]) | st.integers(0, 2**32 - 1)
    numbers = st.lists(st.tuples(st.integers(0, 80), number, st.sampled_from(["little", "big"])), max_size=3)

    def damage(content, flips, numbers, length):
        content = bytearray(content)
        for place, bits in flips:
            content[place % len(content)] ^= bits
        for place, number, order in numbers:
            content[place : place + 4] = number.to_bytes(4, order)
        return bytes(content[:length])

    return st.builds(damage, st.sampled_from(whole), flips, numbers, st.integers(0, 200) | st.just(1 << 20))


def check_damaged(path, content):
    """Sound, or a line about it."""
    path.write_bytes(content)
    waveform, rate, said = np.zeros(1, np.float32), RATE, "nothing"
    try:
        waveform, rate = audio.read(path)
    except UserError as error:
        said = str(error)
    assert said.isprintable()
    assert audio.RATES[0] <= rate <= audio.RATES[1]
    assert waveform.dtype == np.float32
    assert len(waveform)
    assert np.abs(waveform).max() <= 1


@settings(max_examples=150)
@given(content=damaged_files())
def test_a_damaged_file_is_one_line(tmp_path_factory, content):
    check_damaged(tmp_path_factory.getbasetemp() / "damaged", content)


@pytest.mark.exhaustive
@settings(max_examples=10_000)
@given(content=damaged_files())
def test_ten_thousand_damaged_files_are_one_line_each(tmp_path_factory, content):
    check_damaged(tmp_path_factory.getbasetemp() / "damaged", content)


def test_a_wav_from_a_pipe_has_no_stated_length_and_is_whole(tmp_path, tone):
    path = tmp_path / "pipe.wav"
    soundfile.write(path, tone, RATE)
    data = bytearray(path.read_bytes())
    at = data.index(b"data") + 4
    data[at : at + 4] = data[4:8] = b"\xff\xff\xff\xff"
    path.write_bytes(data)
    assert len(audio.read(path)[0]) == len(tone)


def test_the_digest_is_of_the_sound_not_the_file(tmp_path, tone):
    for name in ("a.wav", "a.flac"):
        soundfile.write(tmp_path / name, tone, RATE)
    soundfile.write(tmp_path / "other_rate.wav", tone, 8000)
    tone[7] += 1
    soundfile.write(tmp_path / "other_sample.wav", tone, RATE)
    same, flac, rate, sample = (
        audio.digest(*audio.read(tmp_path / name)) for name in ("a.wav", "a.flac", "other_rate.wav", "other_sample.wav")
    )
    assert same == flac
    assert len({same, rate, sample}) == 3


def test_read_many_keeps_the_order_and_stays_ahead_by_little(tmp_path):
    for number in range(40):
        audio.write(tmp_path / f"{number}.wav", np.zeros(number + 1), RATE)
    taken = []

    def paths():
        for number in range(40):
            taken.append(number)
            yield tmp_path / f"{number}.wav"

    clips = audio.read_many(paths())
    assert len(next(clips)[0]) == 1
    assert len(taken) < 40  # not all are decoded before the first is used
    assert [len(waveform) for waveform, _ in clips] == list(range(2, 41))


def test_real_recordings_of_every_kind(real_data):
    waveform, rate = audio.read(real_data / "tess" / "YAF_angry" / "YAF_germ_angry.wav")  # AIFF inside
    assert rate == 24414
    assert 1.0 < len(waveform) / rate < 3.0
    assert audio.read(real_data / "tess" / "OAF_Fear" / "OAF_food_fear.wav")[1] == 96000


def test_what_waits_is_bounded_by_its_cost():
    """Items of 4 wait by twos, one of 30 alone, and results stay in order."""
    costs = [4, 4, 4, 30, 4, 4, 4, 4, 30, 30, 1, 1]
    taken, most_waiting = 0, []

    def items():
        for place in range(len(costs)):
            most_waiting.append(sum(costs[taken:place]))
            yield place

    found = []
    for place in audio.in_threads(lambda item: item, items(), cost=lambda item: costs[item], most=10):
        taken += 1
        found.append(place)
    assert found == list(range(len(costs)))
    assert max(most_waiting) == 30
    assert [waiting for waiting in most_waiting if waiting <= 10].count(8) >= 2


@pytest.mark.parametrize("suffix", ["wav", "flac", "ogg"])
def test_a_header_states_how_much_will_be_read(suffix, tmp_path, rng):
    path = tmp_path / f"a.{suffix}"
    soundfile.write(path, rng.uniform(-0.5, 0.5, (16000, 2)), 16000)
    for part in (path, f"{path}#t=0.25,0.75", f"{path}#t=0.5,"):
        assert audio.stated_values(part) == audio.read_channels(part)[0].size
    path.write_bytes(b"no sound")
    assert audio.stated_values(path) == audio.stated_values(tmp_path / "nowhere") == 0
