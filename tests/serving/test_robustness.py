import dataclasses
import io

import numpy as np
import pandas as pd
import pytest
import soundfile

from keras_ser import audio, reports
from keras_ser.cli import commands
from keras_ser.errors import UserError
from keras_ser.serving import robustness
from keras_ser.serving.chain import stored_clips
from keras_ser.serving.predict import Predictor
from keras_ser.serving.robustness import CONDITIONS, Scene

RATE = 16000


@pytest.fixture
def scene(rng):
    return Scene(RATE, rng, [rng.normal(size=9000) * level for level in (0.1, 0.01, 0.3)])


@pytest.fixture
def tone():
    return 0.3 * np.sin(2 * np.pi * 440 * np.arange(RATE) / RATE).astype(np.float32)


def power_db(x):
    return 10 * np.log10(np.mean(np.square(x)))


@pytest.mark.parametrize("snr_db", [20, 10, 0])
@pytest.mark.parametrize("kind", ["white noise", "babble"])
def test_noise_has_the_power_that_is_asked_for(kind, snr_db, tone, scene):
    noise = CONDITIONS[f"{kind}, {snr_db} dB"](tone, scene) - tone
    assert power_db(tone) - power_db(noise) == pytest.approx(snr_db, abs=0.01)


def test_a_recording_whose_rate_ends_below_the_telephones_band(scene):
    y = scene.rng.normal(size=6000)
    assert power_db(robustness.telephone(y, scene._replace(rate=6000))) < power_db(y)


def test_a_telephone_passes_speech_and_no_rumble_or_hiss(scene):
    t = np.arange(2 * RATE) / RATE
    for frequency, passes in ((60, False), (1000, True), (6000, False)):
        y = np.sin(2 * np.pi * frequency * t)
        through = power_db(robustness.telephone(y, scene)[RATE:]) - power_db(y)
        assert through == pytest.approx(0, abs=0.5) if passes else through < -40


def test_mp3_of_32_kbit_per_second(tone, scene, monkeypatch):
    sizes = []
    write = soundfile.write

    def counted(file, *args, **kwargs):
        write(file, *args, **kwargs)
        sizes.append(len(file.getvalue()) if isinstance(file, io.BytesIO) else 0)

    monkeypatch.setattr(audio.soundfile, "write", counted)
    long = np.tile(tone, 10)
    coded = robustness.mp3(long, scene)
    assert len(coded) == len(long)
    assert sizes[0] * 8 / 10 == pytest.approx(32000, rel=0.05)
    assert power_db(coded) == pytest.approx(power_db(long), abs=0.5)


def test_louder_is_clipped_quieter_is_not_and_a_cut_is_short(tone, scene):
    louder, quieter = (CONDITIONS[name](tone, scene) for name in ("20 dB louder, clipped", "20 dB quieter"))
    assert np.abs(louder).max() == 1
    np.testing.assert_allclose(quieter, tone / 10, rtol=1e-6)
    assert len(robustness.cut(tone, scene)) == RATE // 2
    np.testing.assert_array_equal(robustness.cut(tone[:100], scene), tone[:100])


def test_a_run_is_measured_on_its_own_test_clips(runs, embedded, tmp_path):
    run = runs["emodb_losses"]
    asked = robustness.of_run(run.folder, embedded)
    table = robustness.measure(*asked, n_clips=1000)
    assert list(table["condition"]) == list(CONDITIONS)
    stored = stored_clips(run, embedded)
    assert set(table["clips"]) == {len(stored)}
    right = (stored["true"] == stored["predicted"]).mean()
    # The clip is resampled before it is answered; the synthetic voices have the model's rate.
    assert table["accuracy"][0] == pytest.approx(right, abs=1e-9)
    pd.testing.assert_frame_equal(table, robustness.measure(*asked, n_clips=1000))
    assert set(robustness.measure(*asked, n_clips=5)["clips"]) == {5}
    with pytest.raises(UserError, match="no recording of a test clip"):
        robustness.of_run(run.folder, tmp_path)
    predictor, clips, possible = asked
    alone = (clips["speaker"] == clips["speaker"][0]).to_numpy()
    with pytest.raises(UserError, match="two known speakers at least are needed, not of 1"):
        robustness.measure(predictor, clips[alone], possible[alone], n_clips=5)


@pytest.fixture
def heard():
    """A model of clips at their own rate that always answers anger, and the recordings it was given: [samples]."""
    given = []

    def answer(waveform, lengths):
        given.extend(y[:length] for y, length in zip(waveform, lengths, strict=True))
        return np.tile(np.float32([0.7, 0.3]), (len(waveform), 1))

    return Predictor("", "", ("anger", "fear"), None, True, None, answer), given


@pytest.fixture
def recorded(tmp_path, rng):
    """Six clips of three speakers at three rates, in stereo with silence on the right."""
    rows = []
    for number in range(6):
        rate, path = (8000, 16000, 48000)[number % 3], tmp_path / f"{number}.wav"
        soundfile.write(path, np.stack([rng.uniform(-0.2, 0.2, rate), np.zeros(rate)], axis=1), rate)
        rows.append((str(number), path, "abc"[number // 2], ("anger", "fear")[number % 2]))
    return pd.DataFrame(rows, columns=["clip", "path", "speaker", "true"])


def answered(asked, clips, n_clips=6):
    predictor, given = asked
    given.clear()
    table = robustness.measure(predictor, clips, np.ones((len(clips), 2), bool), n_clips=n_clips)
    # Clip by clip: by its waveform as recorded, the waveforms of all conditions.
    by_condition = np.array([np.sum(np.abs(y)) for y in given]).reshape(len(CONDITIONS), -1)
    return table, given[: by_condition.shape[1]], {row[0]: row for row in map(tuple, by_condition.T)}


def test_a_clip_is_heard_at_its_own_rate_and_by_the_channel_that_the_model_hears(heard, recorded):
    _, given, _ = answered(heard, recorded)
    assert sorted(map(len, given)) == [8000, 8000, 16000, 16000, 48000, 48000]
    left = {len(y): y for path in recorded["path"][:3] for y in [audio.read(path, first_channel=True)[0]]}
    assert all(any(np.array_equal(y, x) for x in given) for y in left.values())


def test_what_is_drawn_for_a_clip_depends_on_no_other_that_is_taken(heard, recorded):
    *_, of_all = answered(heard, recorded)
    *_, of_some = answered(heard, recorded.iloc[::-1].reset_index(drop=True), n_clips=3)
    assert len(of_some) == 3
    for clip, sums in of_some.items():
        np.testing.assert_allclose(sums, of_all[clip], rtol=1e-6)


def test_what_cannot_be_used_is_skipped(heard, recorded, caplog):
    recorded["path"][4].write_bytes(b"no sound")
    table, *_ = answered(heard, recorded)
    assert set(table["clips"]) == {5}
    assert [record.getMessage().startswith("skipped: ") for record in caplog.records] == [True]
    for path in recorded["path"]:
        path.write_bytes(b"no sound")
    with pytest.raises(UserError, match="no recording is there that can be used"):
        answered(heard, recorded)


def test_unknown_speakers_are_not_counted(heard, recorded):
    table, *_ = answered(heard, recorded.assign(speaker=recorded["speaker"].replace("a", "")))
    assert set(table["speakers"]) == {2}
    with pytest.raises(UserError, match="two known speakers at least are needed, not of 0"):
        answered(heard, recorded.assign(speaker=""))


def test_synthetic_speech_is_called_so(heard, recorded, caplog):
    manifest = recorded.rename(columns={"true": "emotion"})
    for synthetic in (False, True):
        robustness.of_manifest(heard[0], manifest.assign(synthetic=synthetic))
        assert ("SYNTHETIC speech: a smoke test" in caplog.text) == synthetic


def test_a_class_is_impossible_only_where_corpora_have_different_ones(runs, embedded, monkeypatch):
    run = runs["emodb_losses"]
    stored = stored_clips(run, embedded)
    stored.loc[stored.index[0], "p_anger"] = stored["p_fear"] = 0.0  # by underflow, or as no clip of the corpus has it
    monkeypatch.setattr(robustness, "stored_clips", lambda run, root: stored)
    assert robustness.of_run(run.folder, embedded)[2].all()
    by_corpus = dataclasses.replace(reports.load("emodb_losses"), classes_by_corpus=True)
    monkeypatch.setattr(robustness.reports, "load", lambda name: by_corpus)
    possible = pd.DataFrame(robustness.of_run(run.folder, embedded)[2], columns=run.facts["labels"])
    assert possible.drop(columns="fear").all(axis=None)
    assert not possible["fear"].any()


def test_command(runs, embedded, tmp_path, capsys):
    out = tmp_path / "robustness.csv"
    command = ["robustness", str(runs["emodb_losses"].folder), "--data", str(embedded), "--clips", "6"]
    assert not commands.main([*command, "--output", str(out)])
    said = capsys.readouterr()
    assert "telephone band" in said.out
    assert said.err.count("caution: SYNTHETIC speech") == 1
    assert list(pd.read_csv(out)["condition"]) == list(CONDITIONS)
    assert not commands.main([*command, "--corpus", "tess"])
    assert "telephone band" in capsys.readouterr().out
