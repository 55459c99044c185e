"""What is decoded once is known afterwards, for as long as it is true."""

import os
import subprocess
import sys

import numpy as np
import pytest
import soundfile

from keras_ser import audio, corpora
from keras_ser.corpora import index
from keras_ser.corpora.check import check
from keras_ser.data import features

RATE = 16000


@pytest.fixture
def paths(tmp_path, rng):
    """Five recordings and a part of one."""
    for name in range(5):
        audio.write(tmp_path / f"{name}.wav", rng.uniform(-0.5, 0.5, 800), RATE)
    return [*(str(tmp_path / f"{name}.wav") for name in range(5)), f"{tmp_path}/0.wav#t=0.01,0.02"]


@pytest.fixture
def decoded(monkeypatch):
    """The paths that have been decoded since."""
    read, found = audio.read_channels, []

    def counted(path):
        found.append(str(path))
        return read(path)

    monkeypatch.setattr(audio, "read_channels", counted)
    return found


def test_what_it_says_is_what_is_there(tmp_path, rng):
    sound = rng.uniform(-0.5, 0.5, (900, 2)).astype(np.float32)
    sound[10:14] = 1, 1  # both channels
    soundfile.write(tmp_path / "a.wav", sound, RATE, subtype="FLOAT")
    soundfile.write(tmp_path / "b.flac", np.stack([sound[:, 0], -sound[:, 0]], axis=1) / 2, RATE)
    first, second = index.looks([str(tmp_path / "a.wav"), str(tmp_path / "b.flac")])
    assert first == index.Look(
        audio.digest(sound.mean(axis=1), RATE), RATE, 900, 2, False, False, 1.0, 4, b"RIFF".hex()
    )
    assert second.silent  # the channels cancel each other
    assert second.peak == pytest.approx(0.5, abs=1e-3)
    assert bytes.fromhex(second.start) == b"fLaC"


def test_no_file_is_decoded_twice(paths, decoded, tmp_path):
    first = list(index.looks(paths, tmp_path / "cache"))
    assert sorted(decoded) == sorted(paths)
    assert list(index.looks(paths, tmp_path / "cache")) == first
    assert sorted(decoded) == sorted(paths)
    assert list(index.looks(paths)) == first
    assert sorted(decoded) == sorted([*paths, *paths])


@pytest.mark.parametrize("keep", [False, True], ids=["another time", "the same size and time of change"])
def test_a_file_that_changed_is_decoded_again(keep, paths, decoded, tmp_path, rng):
    list(index.looks(paths, tmp_path / "cache"))
    before = os.stat(paths[3])
    audio.write(paths[3], rng.uniform(-0.5, 0.5, 800), RATE)
    if keep:
        os.utime(paths[3], ns=(before.st_atime_ns, before.st_mtime_ns))
    found = list(index.looks(paths, tmp_path / "cache"))
    assert sorted(decoded) == sorted([*paths, paths[3]])
    assert found == list(index.looks(paths))


def test_other_code_looks_again(paths, decoded, tmp_path, monkeypatch):
    list(index.looks(paths, tmp_path))
    monkeypatch.setattr(index, "_code", lambda: b"another")
    list(index.looks(paths, tmp_path))
    assert sorted(decoded) == sorted([*paths, *paths])


def test_what_cannot_be_used_is_looked_at_each_time(paths, tmp_path):
    bad = tmp_path / "bad.wav"
    bad.write_bytes(b"no sound")
    kinds = [[error.kind for error in index.looks([str(bad), "/nowhere.wav"], tmp_path)] for _ in range(2)]
    assert kinds == [["unreadable", "missing"]] * 2


def test_what_does_not_fit_in_memory_holds_none(paths, monkeypatch):
    def too_much(channels):
        raise MemoryError

    monkeypatch.setattr(audio, "to_mono", too_much)
    for error in index.looks(paths):
        assert error.kind == "too_long"
        assert error.__traceback__ is error.__context__ is None  # whose frames hold the samples


def damages(content, rng):
    yield b""
    yield b"no index" * 100
    yield content[:18] + b"\x07" + content[19:]  # of a version that SQLite reads, and does not write
    for _ in range(20):
        yield content[: rng.integers(len(content))]
        torn = bytearray(content)
        for place in rng.integers(len(torn), size=40):
            torn[place] ^= 1 << rng.integers(8)
        yield bytes(torn)


@pytest.mark.slow
def test_a_damaged_index_is_made_anew(paths, decoded, tmp_path, rng):
    expected = list(index.looks(paths, tmp_path))
    file = tmp_path / index.NAME
    for damaged in damages(file.read_bytes(), rng):
        file.write_bytes(damaged)
        for _ in range(3):
            assert list(index.looks(paths, tmp_path)) == expected
        decoded.clear()
        assert list(index.looks(paths, tmp_path)) == expected
        assert not decoded


def test_where_none_can_be_kept(paths, tmp_path, small_disk):
    expected = list(index.looks(paths))
    (tmp_path / "file").touch()
    assert list(index.looks(paths, tmp_path / "file")) == expected
    (tmp_path / "folder" / index.NAME).mkdir(parents=True)
    assert list(index.looks(paths, tmp_path / "folder")) == expected
    with small_disk(9000):
        assert list(index.looks(paths, tmp_path / "full")) == expected


@pytest.mark.slow
def test_processes_share_it(tmp_path, rng, decoded, monkeypatch):
    for name in range(60):
        audio.write(tmp_path / f"{name}.wav", rng.uniform(-0.5, 0.5, 400), RATE)
    paths = [str(tmp_path / f"{name}.wav") for name in range(60)]
    code = (
        "import sys; from keras_ser.corpora import index; index.ROWS_AT_ONCE = 1; "
        "print(len(list(index.looks(sys.argv[2:], sys.argv[1]))))"
    )
    command = [sys.executable, "-c", code, str(tmp_path / "cache")]
    running = [subprocess.Popen([*command, *paths[k : k + 40]], stdout=subprocess.PIPE) for k in (0, 10, 20)]
    assert [process.communicate()[0] for process in running] == [b"40\n"] * 3
    list(index.looks(paths, tmp_path / "cache"))
    assert not decoded


def test_check_and_training_know_what_the_other_has_read(embedded, decoded, tmp_path):
    clips = corpora.manifest("emodb", embedded)
    usable, _ = features.with_audio_hash(clips, tmp_path)
    assert len(decoded) == len(usable) == 42
    assert check("emodb", embedded, cache=tmp_path).minutes == sum(usable["samples"] / usable["rate"]) / 60
    assert features.with_audio_hash(clips, tmp_path)[0].equals(usable)
    assert len(decoded) == 42


def test_long_recordings_are_not_decoded_ahead(tmp_path, monkeypatch):
    """What waits is bounded by samples, where files are large enough for that to matter."""
    for name in range(12):
        audio.write(tmp_path / f"{name}.wav", np.full(60_000, 0.1), 16000)
    monkeypatch.setattr(audio, "AHEAD", 100_000)
    monkeypatch.setattr(audio, "_SHORT_FILE", 100_000)
    begun, decode = [], audio.read_channels

    def read_channels(path):
        begun.append(path)
        return decode(path)

    monkeypatch.setattr(audio, "read_channels", read_channels)
    paths = sorted(map(str, tmp_path.glob("*.wav")))
    for place, _ in enumerate(index.looks(paths), 1):
        assert len(begun) <= place + 1
    assert sorted(begun) == paths
