import io

import numpy as np
import pandas as pd
import pytest
import soundfile

from keras_ser import audio
from keras_ser.cli import commands
from keras_ser.errors import UserError
from keras_ser.serving import robustness
from keras_ser.serving.chain import stored_clips
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
    with pytest.raises(UserError, match="two speakers at least"):
        robustness.measure(predictor, clips[alone], possible[alone], n_clips=5)


def test_command(runs, embedded, tmp_path, capsys):
    out = tmp_path / "robustness.csv"
    command = ["robustness", str(runs["emodb_losses"].folder), "--data", str(embedded), "--clips", "6"]
    assert not commands.main([*command, "--output", str(out)])
    assert "telephone band" in capsys.readouterr().out
    assert list(pd.read_csv(out)["condition"]) == list(CONDITIONS)
    assert not commands.main([*command, "--corpus", "tess"])
    assert "telephone band" in capsys.readouterr().out
