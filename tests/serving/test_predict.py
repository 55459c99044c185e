import contextlib
import csv
import io
import itertools
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import soundfile

from keras_ser import audio, corpora
from keras_ser.cli import commands
from keras_ser.dsp.resample import resample
from keras_ser.errors import UserError
from keras_ser.serving import formats, inputs, predict


@pytest.fixture(scope="module")
def predictor(exported):
    return predict.load(exported["tess_mfcc"])


@pytest.fixture(scope="module")
def paths(embedded):
    return list(corpora.manifest("tess", embedded)["path"])[:20]


def answers(predictor, paths, **options):
    return list(predict.predict(predictor, paths, **options))


def test_a_run_its_file_and_its_export_answer_alike(predictor, runs, paths):
    folder = runs["tess_mfcc"].folder
    for path in (folder, folder / "model.keras"):
        again = predict.load(path)
        assert (again.labels, again.sample_rate, again.hears_samples) == (
            predictor.labels,
            predictor.sample_rate,
            predictor.hears_samples,
        )
        for one, other in zip(answers(predictor, paths[:3]), answers(again, paths[:3]), strict=True):
            np.testing.assert_allclose(one.probabilities, other.probabilities, rtol=0, atol=1e-5)


def test_what_is_no_model(tmp_path):
    with pytest.raises(UserError, match="neither a model"):
        predict.load(tmp_path / "nowhere")
    (tmp_path / "saved_model.pb").touch()
    with pytest.raises(UserError, match="no model exported by this version of keras-ser"):
        predict.load(tmp_path)


def test_in_order_and_as_if_alone(predictor, paths):
    together = answers(predictor, paths)
    assert [str(prediction.path) for prediction in together] == paths
    for prediction, path in zip(together[::7], paths[::7], strict=True):
        (alone,) = answers(predictor, [path])
        np.testing.assert_allclose(prediction.probabilities, alone.probabilities, rtol=0, atol=1e-5)
    assert together[0].top(7) == sorted(together[0].top(7), key=lambda pair: -pair[1])
    assert sum(probability for _, probability in together[0].top(7)) == pytest.approx(1, abs=1e-5)


def test_other_rates_and_stereo(predictor, paths, tmp_path, rng):
    y, rate = audio.read(paths[0])
    channels = np.stack([y, 0.1 * rng.normal(size=len(y))], axis=1)
    faster = resample(channels.T.astype(np.float32), orig_sr=rate, target_sr=2 * rate)[0].numpy().T
    for name, sound, its_rate in (
        ("mono", channels.mean(axis=1), rate),
        ("stereo", channels, rate),
        ("faster", faster, 2 * rate),  # the same to the ear
        ("other", channels[:, 0], rate),
    ):
        soundfile.write(tmp_path / f"{name}.wav", sound, its_rate, subtype="FLOAT")
    mono, stereo, faster, other = answers(
        predictor, [tmp_path / f"{name}.wav" for name in ("mono", "stereo", "faster", "other")]
    )
    np.testing.assert_allclose(stereo.probabilities, mono.probabilities, rtol=0, atol=1e-6)
    np.testing.assert_allclose(faster.probabilities, mono.probabilities, rtol=0, atol=1e-5)
    assert abs(other.probabilities - mono.probabilities).max() > 5e-5  # one channel alone is another sound
    for prediction in (stereo, faster):
        assert prediction.seconds == pytest.approx(mono.seconds)
        assert prediction.warnings == ()


def test_a_bad_file_does_not_stop_the_rest(predictor, paths, tmp_path):
    bad = tmp_path / "bad.wav"
    bad.write_bytes(b"no sound")
    first, error, last = answers(predictor, [paths[0], bad, paths[1]])
    assert (str(first.path), str(last.path)) == tuple(paths[:2])
    assert isinstance(error, UserError)
    assert "bad.wav" in str(error)


@pytest.mark.parametrize(
    ("make", "warning"),
    [
        (lambda y: y[:2000], "short: 0.08 s"),
        (lambda y: 0 * y, "silent"),
        (lambda y: 1e-4 * y / abs(y).max(), "quiet"),
        (lambda y: np.full(9000, 1e-42), "quiet: -840 dB"),  # no number with full precision is as small in float32
        (lambda y: np.clip(100 * y, -1, 1), "clipped"),
        (lambda y: np.tile(y, 3), "only the first 2.3 s"),
    ],
)
def test_what_makes_an_answer_doubtful(make, warning, predictor, paths, tmp_path):
    y, rate = audio.read(paths[0])
    soundfile.write(tmp_path / "clip.wav", make(y), rate, subtype="FLOAT")
    (prediction,) = answers(predictor, [tmp_path / "clip.wav"])
    assert any(warning in words for words in prediction.warnings), prediction.warnings
    assert np.isfinite(prediction.probabilities).all()


def test_rates_below_the_models_are_named_once(predictor, exported, paths, tmp_path, capsys, caplog):
    y, rate = audio.read(paths[0])
    rates = (8000, 16000, 8000, 22050, rate)
    named = [str(tmp_path / f"{place}.wav") for place in range(len(rates))]
    for name, its_rate in zip(named, rates, strict=True):
        audio.write(name, y, its_rate)
    said = (
        "the model expects 22050 Hz; recorded at less: 2 at 8000 Hz (nothing above 4000 Hz), "
        "1 at 16000 Hz (nothing above 8000 Hz)"
    )
    found = answers(predictor, named)
    assert [prediction.rate for prediction in found] == list(rates)
    assert not any("Hz" in warning for prediction in found for warning in prediction.warnings)
    for form, lines in (("table", 5), ("csv", 6)):
        assert commands.main(["predict", str(exported["tess_mfcc"]), *named, "--format", form, "--quiet"]) == 0
        printed = capsys.readouterr()
        assert printed.out.count("\n") == lines
        assert printed.err.splitlines()[-1] == f"caution: {said}"
        assert printed.err.count("recorded at") == 1
    predictor.predict(named)
    assert caplog.messages == [f"caution: {said}"]
    caplog.clear()
    predictor.predict(named[3:])
    assert caplog.messages == []


def test_windows_cover_a_recording_and_answer_as_if_cut_by_hand(predictor, paths, tmp_path):
    y = np.concatenate([audio.read(path)[0] for path in paths[:3]])
    rate = 24414
    audio.write(tmp_path / "long.wav", y, rate)
    (prediction,) = answers(predictor, [tmp_path / "long.wav"], window_s=1.5, hop_s=1.0)
    assert prediction.starts[0] == 0
    assert prediction.ends[-1] == pytest.approx(len(y) / rate)
    np.testing.assert_allclose(prediction.ends - prediction.starts, 1.5, atol=1e-3)
    np.testing.assert_allclose(np.diff(prediction.starts)[:-1], 1.0, atol=1e-3)
    y, _ = audio.read(tmp_path / "long.wav")
    audio.write(tmp_path / "cut.wav", y[rate : rate + round(1.5 * rate)], rate)
    (cut,) = answers(predictor, [tmp_path / "cut.wav"])
    np.testing.assert_allclose(prediction.windows[1], cut.probabilities, rtol=0, atol=1e-5)
    np.testing.assert_allclose(prediction.probabilities, prediction.windows.mean(axis=0))


def test_long_recordings_are_cut_by_themselves(predictor, paths, tmp_path):
    y = np.concatenate([audio.read(path)[0] for path in paths[:14]])
    audio.write(tmp_path / "long.wav", y, 24414)
    (prediction,) = answers(predictor, [tmp_path / "long.wav"])
    assert prediction.seconds > predict.LONGEST_S
    np.testing.assert_allclose(prediction.ends - prediction.starts, predictor.hears_s(22050), atol=1e-3)


def test_files_are_not_kept(predictor, paths):
    """However many there are: no more are taken ahead than wait and those that threads decode."""
    taken = []

    def stream():
        for path in itertools.islice(itertools.cycle(paths), 100):
            taken.append(path)
            yield path

    for place, answer in enumerate(predict.predict(predictor, stream())):
        assert str(answer.path) == taken[place]
        assert len(taken) <= place + predict.WAITING + 16
    assert len(taken) == 100


def test_the_command(exported, embedded, tmp_path, capsys):
    folder = str(embedded / "tess")
    model = str(exported["tess_mfcc"])
    assert commands.main(["predict", model, folder, "--format", "csv"]) == 0
    table = pd.read_csv(io.StringIO(capsys.readouterr().out))
    assert len(table) == 42
    np.testing.assert_allclose(table.filter(like="p_").sum(axis=1), 1, atol=1e-4)
    (tmp_path / "bad.wav").write_bytes(b"")
    assert commands.main(["predict", model, str(tmp_path / "bad.wav"), folder, "--format", "jsonl"]) == 3
    said = capsys.readouterr()
    lines = [json.loads(line) for line in said.out.splitlines()]
    assert [line["path"] for line in lines] == list(table["path"])
    assert lines[0]["top"][0]["label"] == table["label"][0]
    first, second, skipped, last = said.err.splitlines()
    assert first.startswith("model: tess_mfcc cnn_lstm, trained on ")
    assert second == (
        "caution: clip_disjoint: their speakers were in its training data; expect less of unseen speakers (no score on "
        "them is known)"
    )
    assert skipped.startswith(f"skipped: {tmp_path / 'bad.wav'}: ")
    assert last == "keras-ser: 42 files predicted, 1 skipped (see above)"
    assert commands.main(["predict", model, table["path"][0], str(tmp_path / "nowhere"), table["path"][1]]) == 3
    said = capsys.readouterr()
    assert [line.split()[-1] for line in said.out.splitlines()] == list(table["path"][:2])
    assert f"skipped: {tmp_path / 'nowhere'}: no such file" in said.err
    assert "2 files predicted, 1 skipped" in said.err
    (tmp_path / "empty").mkdir()
    assert commands.main(["predict", model, str(tmp_path / "empty")]) == 2
    assert "no audio file" in capsys.readouterr().err


def test_output_top_and_segments(exported, paths, tmp_path, capsys):
    model, out = str(exported["tess_mfcc"]), tmp_path / "answers" / "found.csv"
    options = ["--format", "segments", "--window", "1", "--output", str(out), "--quiet"]
    assert commands.main(["predict", model, paths[0], paths[1], *options]) == 0
    said = capsys.readouterr()
    assert said.out == ""
    assert [line.partition(":")[0] for line in said.err.splitlines()] == ["caution"]
    found = predict.load(model).predict(paths[:2], window_s=1.0)
    pd.testing.assert_frame_equal(pd.read_csv(out), found, check_dtype=False, rtol=1e-4)
    for n_top in (1, 5):
        assert commands.main(["predict", model, paths[0], "--top", str(n_top)]) == 0
        assert len(re.findall(r"0\.\d{3} \w+", capsys.readouterr().out)) == n_top
    # What could be answered is written, though the command fails.
    assert commands.main(["predict", model, paths[0], "nowhere.wav", "--output", str(out)]) == 3
    assert out.read_text().count("\n") == 1
    # What is called like a recording is none that is missing, and no model.
    assert commands.main(["predict", "nowhere.wav", paths[0], "--output", str(out)]) == 3
    assert "nowhere.wav: no such file" in capsys.readouterr().err
    # Where nothing could be, what was there before stays.
    before = out.read_bytes()
    assert commands.main(["predict", model, "nowhere.wav", "--output", str(out)]) == 2
    assert "0 files predicted, 1 skipped (see above)" in capsys.readouterr().err
    assert out.read_bytes() == before


def test_tables_beside_recordings_make_no_model_of_their_folder(paths, tmp_path):
    for name in ("predictions.csv", "history.csv", "metrics.json"):
        (tmp_path / name).touch()
    (tmp_path / "SHA256SUMS").touch()
    assert not predict.is_model(tmp_path)
    (tmp_path / "run.json").touch()
    assert predict.is_model(tmp_path)


def test_a_recording_that_is_too_long_for_the_memory_does_not_stop_the_rest(paths):
    def answer(waveform, lengths):
        if waveform.shape[1] > 100_000:
            raise MemoryError
        return np.full((len(waveform), 2), 0.5)

    predictor = predict.Predictor("", "", ("a", "b"), None, False, None, answer)
    long = inputs.Sound(np.full((120_000, 1), 0.1, np.float32), 24414)
    first, error, last = answers(predictor, [paths[0], long, paths[1]])
    assert (str(first.path), str(last.path)) == tuple(paths[:2])
    assert str(error) == "a waveform: memory does not suffice for it: cut it into shorter recordings"


def test_the_timeline(exported, paths, tmp_path, capsys):
    options = ["--window", "1", "--timeline", str(tmp_path / "lines")]
    assert commands.main(["predict", str(exported["tess_mfcc"]), paths[0], *options]) == 0
    (table,), (image,) = (list((tmp_path / "lines").glob(pattern)) for pattern in ("*.csv", "*.png"))
    rows = list(csv.DictReader(table.open()))
    assert float(rows[0]["start"]) == 0
    assert len(rows) > 1
    assert image.read_bytes().startswith(b"\x89PNG")
    assert capsys.readouterr().out.count("\n") == 1


def test_every_recording_has_a_timeline_of_its_own_whatever_its_name(predictor, paths, tmp_path):
    """Names as long as the disk takes them, equal names in equal folders, a formula, bytes that are no text."""
    y, rate = audio.read(paths[0])
    names = [b"a/x.wav", b"b/a/x.wav", b"a/x.flac", "é".encode() * 125 + b".wav", b"n" * 250 + b".wav"]
    names += [b"$\\no{formula$.wav", b"\xff\n.wav"]
    found = []
    for name in names:
        path = Path(os.fsdecode(os.fsencode(tmp_path) + b"/" + name))
        path.parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(os.fsencode(path), y, rate, format="WAV")
        found += answers(predictor, [path], window_s=1.0)
    for prediction in found * 2:
        formats.write_timeline(prediction, tmp_path / "lines")
    assert len(list((tmp_path / "lines").glob("*.csv"))) == len(list((tmp_path / "lines").glob("*.png"))) == len(names)
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match="a file is where a folder is needed"):
        formats.write_timeline(found[0], tmp_path / "file" / "lines")


def test_a_name_of_two_lines_is_one_cell_and_one_line(predictor, paths, tmp_path):
    path = tmp_path / "two\nlines, and\rmore.wav"
    path.write_bytes(Path(paths[0]).read_bytes())
    (prediction,) = answers(predictor, [path])
    text = f"{formats.csv_header(predictor.labels)}\n{formats.as_csv(prediction)}\n"
    assert [row["path"] for row in csv.DictReader(io.StringIO(text, newline=""))] == [str(path)]
    assert formats.as_line(prediction).isprintable()
    assert json.loads(formats.as_json_line(prediction))["path"] == str(path)


@pytest.mark.parametrize("option", ["--window", "--hop"])
@pytest.mark.parametrize("value", ["1e308", "0.00001", "1e-320", "nan"])
def test_windows_that_no_one_means(option, value, exported, paths, capsys):
    with contextlib.suppress(SystemExit):  # of the parser, for what is no number at all
        assert commands.main(["predict", str(exported["tess_mfcc"]), paths[0], option, value]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.count("\n") == 1
    assert "seconds above 0" in said.err or "from 0.02 to 86400 s are possible" in said.err


def test_a_hop_is_at_most_a_window(paths):
    predictor = predict.Predictor("", "", ("a", "b"), None, False, None, None)
    with pytest.raises(UserError, match="a hop of 1 s without a window"):
        predictor.predict(paths[0], hop_s=1.0)
    with pytest.raises(UserError, match=r"a hop of 1\.5 s leaves gaps between windows of 1 s"):
        predictor.predict(paths[0], window_s=1.0, hop_s=1.5)
    predict.check_windows(1.0, 1.0)


def command(*words, **options):
    """A process of its own: bytes in and out as a shell has them."""
    return subprocess.Popen([sys.executable, "-m", "keras_ser", *words], stderr=subprocess.PIPE, **options)


def test_its_output_may_be_cut_off_and_a_name_need_not_be_text(exported, paths, tmp_path):
    name = os.fsencode(tmp_path) + b"/\xff.wav"
    with open(name, "wb") as file:
        file.write(Path(paths[0]).read_bytes())
    words = ("predict", str(exported["tess_mfcc"]), name, *paths[:20], "--format", "csv")
    with command(*words, stdout=subprocess.PIPE) as process:
        assert process.stdout.readline().startswith(b"path,seconds")
        assert b"/\\udcff.wav," in process.stdout.readline()
        process.stdout.close()  # as `head -2` does
        said = process.stderr.read().splitlines()
        assert [line.partition(b":")[0] for line in said] == [b"model", b"caution"]
    assert process.returncode == 0
    for closed in (1, 2):
        with command("reports", stdout=subprocess.PIPE, preexec_fn=lambda: os.close(closed)) as process:  # noqa: B023
            assert process.stderr.read() == b""
        assert process.returncode == 0
    with open("/dev/full", "wb") as full, command("reports", stdout=full) as process:
        assert re.fullmatch(rb"keras-ser: .*No space left on device\n", process.stderr.read())
    assert process.returncode == 2


@pytest.mark.slow
def test_export_and_verify_as_commands(runs, tmp_path, capfd):
    out = tmp_path / "model"
    assert commands.main(["export", str(runs["emodb_losses"].folder), "--out", str(out)]) == 0
    assert capfd.readouterr().err == ""  # whatever TensorFlow Lite's converter prints
    assert commands.main(["verify", str(out)]) == 0
    assert "serving_default" in capfd.readouterr().out
    assert commands.main(["verify", str(tmp_path)]) == 2
    assert "no exported model, no run" in capfd.readouterr().err


def test_a_model_that_takes_recordings_at_their_own_rate(exported, paths, tmp_path):
    """A tenth of whatever rate it is: the same samples are the same input, under any rate."""
    predictor = predict.load(exported["four_corpora"])
    assert (predictor.sample_rate, predictor.hears_samples) == (None, 158 * 200 * 10)
    y = audio.read(paths[0])[0]
    found = []
    for rate in (16000, 48000):
        stereo = np.stack([y, 0.1 * y[::-1]], axis=1)  # the first channel alone is heard
        soundfile.write(tmp_path / f"{rate}.wav", stereo, rate, subtype="FLOAT")
        (prediction,) = answers(predictor, [tmp_path / f"{rate}.wav"])
        found.append(prediction.probabilities)
    np.testing.assert_allclose(found[0], found[1], rtol=0, atol=1e-5)
    audio.write(tmp_path / "long.wav", np.resize(y, 8 * 48000), 48000)
    (prediction,) = answers(predictor, [tmp_path / "long.wav"])
    assert prediction.warnings == ("only the first 6.6 s of 8.0 s are used; add --window 6.6 to analyse all of it",)
    audio.write(tmp_path / "longer.wav", np.resize(y, 20 * 48000), 48000)
    (prediction,) = answers(predictor, [tmp_path / "longer.wav"])
    np.testing.assert_allclose(prediction.ends - prediction.starts, 316000 / 48000, atol=1e-3)


def test_what_is_cut_before_the_features_is_not_heard(exported):
    assert predict.load(exported["crema_1d_2d"]).hears_samples == 40775
