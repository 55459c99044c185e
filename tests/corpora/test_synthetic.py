"""The embedded corpora: names, rates, levels, labels, the same bytes again, and what can be learnt from them."""

import dataclasses
import re
from collections import Counter
from pathlib import PurePosixPath

import numpy as np
import pytest
import soundfile
from scipy.signal import find_peaks, stft
from sklearn.model_selection import LeaveOneGroupOut, StratifiedKFold, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from keras_ser import corpora
from keras_ser.corpora import synthetic
from keras_ser.corpora.synthesis import PHONES, Manner, Speaker, speak
from keras_ser.errors import UserError

NAMES = ("emodb", "ravdess", "tess", "savee", "crema_d")
# As the corpora are published, written here a second time on purpose: rate in Hz, pattern of the paths.
FACTS = {
    "emodb": (16000, r"(03|08|09|1[0-6])[ab]\d\d[WLEAFTN][a-f]\.wav"),
    "ravdess": (48000, r"Actor_(\d\d)/03-01-0[1-8]-0[12]-0[12]-0[12]-\1\.wav"),
    "tess": (24414, r"(OAF|YAF)_[A-Za-z_]+/\1_[a-z]+_(angry|disgust|fear|happy|neutral|ps|sad)\.wav"),
    "savee": (44100, r"(DC|JE|JK|KL)/(a|d|f|h|n|sa|su)\d\d\.wav"),
    "crema_d": (16000, r"10\d\d_[A-Z]{3}_(ANG|DIS|FEA|HAP|NEU|SAD)_XX\.wav"),
}
PLAIN = Speaker(f0=120.0, tract=1.0, formants=(1.0,) * 8, open_quotient=0.6, noise=-80.0)
INVENTED = {"03a07Ea.wav", "08a04Ea.wav", "08b03Ea.wav", "09a04Aa.wav", "10b10Ea.wav"}


@pytest.fixture(scope="module")
def emodb(tmp_path_factory):
    return synthetic.make("emodb", tmp_path_factory.mktemp("data") / "emodb")


def facts(name, path):
    return corpora.get(name).parse(PurePosixPath(path))


@pytest.mark.parametrize("name", NAMES)
def test_names_are_the_corpus_own(name):
    paths = synthetic.plan(name)
    assert 90 <= len(paths) <= 200
    assert len(set(paths)) == len(paths)
    assert [path for path in paths if not re.fullmatch(FACTS[name][1], path)] == []
    clips = [facts(name, path) for path in paths]
    assert len({clip["clip"] for clip in clips}) == len(paths)
    # every speaker says at least two clips of every emotion
    cells = Counter((clip["speaker"], clip["emotion"]) for clip in clips)
    speakers, emotions = ({clip[fact] for clip in clips} for fact in ("speaker", "emotion"))
    assert emotions == set(corpora.get(name).counts)
    assert len(cells) == len(speakers) * len(emotions)
    assert min(cells.values()) >= 2
    # and no words give the emotion away
    said = {}
    for clip in clips:
        said.setdefault(synthetic.text(name, clip["sentence"]), set()).add(clip["emotion"])
    assert len(said) >= 2
    assert min(len(heard) for heard in said.values()) >= len(emotions) - 1


@pytest.mark.parametrize("name", NAMES)
def test_names_exist_in_the_published_corpus(name, real_data):
    published = set((real_data / "names" / f"{name}.txt").read_text().split("\n"))
    invented = set(synthetic.plan(name)) - published
    assert invented == (INVENTED if name == "emodb" else set())


def test_ravdess_serves_a_study_of_four_emotions_with_eight_actors():
    clips = [facts("ravdess", path) for path in synthetic.plan("ravdess")]
    for emotion in ("calm", "happiness", "sadness", "anger"):
        for actor in range(1, 9):
            said = {c["sentence"] for c in clips if c["speaker"] == f"{actor:02d}" and c["emotion"] == emotion}
            assert said == {"01", "02"}


@pytest.mark.parametrize("name", NAMES)
def test_rates_channels_and_levels(name, tmp_path):
    paths = synthetic.plan(name)[:: 40 if name != "ravdess" else 48]
    stereo = synthetic.RAVDESS_STEREO[:1] if name == "ravdess" else ()
    for path in (*paths, *stereo):
        samples = synthetic.render(name, path)
        assert samples.dtype == np.int16
        assert samples.shape[1] == (2 if path in synthetic.RAVDESS_STEREO else 1)
        seconds = len(samples) / FACTS[name][0]
        assert 0.8 < seconds < 6
        wave = samples / 32768
        assert 0.01 < np.abs(wave).max() <= 0.951
        assert -55 < 20 * np.log10(np.sqrt(np.mean(wave[:, 0] ** 2))) < -14
        # the edges are room noise: far below the speech, not digital silence
        edge = wave[: int(0.04 * FACTS[name][0]), 0]
        assert 0 < np.sqrt(np.mean(edge**2)) < 0.3 * np.sqrt(np.mean(wave[:, 0] ** 2))
    if stereo:
        assert not np.array_equal(samples[:, 0], samples[:, 1])


@pytest.mark.slow
def test_the_folder_is_a_corpus_and_says_that_it_is_synthetic(emodb):
    clips = corpora.manifest("emodb", emodb)
    assert len(clips) == 140
    assert clips["synthetic"].all()
    assert clips.groupby(["speaker", "emotion"]).size().tolist() == [2] * 70
    marker = (emodb / "SYNTHETIC.txt").read_text(encoding="utf-8")
    assert "Synthetic" in marker
    assert "keras_ser" in marker
    assert "No human voice" in marker
    assert f"version {synthetic.VERSION}" in marker
    for path in clips["path"]:
        with soundfile.SoundFile(path) as file:
            assert (file.samplerate, file.channels, file.subtype) == (16000, 1, "PCM_16")
            assert file.comment == synthetic.NOTICE
    assert {path.relative_to(emodb).as_posix() for path in emodb.rglob("*") if path.is_file()} == {
        "SYNTHETIC.txt",
        *synthetic.plan("emodb"),
    }


def test_the_same_bytes_whatever_was_made_before(emodb, tmp_path, monkeypatch):
    path = synthetic.plan("emodb")[100]
    monkeypatch.setattr(synthetic, "plan", lambda name: (path,))
    synthetic._speaker.cache_clear()
    again = synthetic.make("emodb", tmp_path / "again")
    assert (again / path).read_bytes() == (emodb / path).read_bytes()


def test_no_two_clips_are_alike(emodb):
    assert len({path.read_bytes() for path in emodb.glob("*.wav")}) == 140


@pytest.fixture
def small(monkeypatch):
    """A corpus of two clips."""
    monkeypatch.setattr(synthetic, "plan", lambda name: ("03a01Wa.wav", "03b01Wa.wav"))


@pytest.mark.usefixtures("small")
def test_making_it_again_touches_nothing(tmp_path, monkeypatch):
    folder = synthetic.make("emodb", tmp_path / "new" / "emodb")
    monkeypatch.setattr(synthetic, "render", None)  # would fail if called
    assert synthetic.make("emodb", folder) == folder


@pytest.mark.usefixtures("small")
def test_another_version_is_replaced_whole(tmp_path, monkeypatch):
    folder = synthetic.make("emodb", tmp_path / "emodb")
    (folder / "03a02Na.wav").write_bytes(b"of an older version")
    (folder / "SYNTHETIC.txt").write_text("Synthetic, version 0")
    synthetic.make("emodb", folder)
    assert sorted(path.name for path in folder.iterdir()) == ["03a01Wa.wav", "03b01Wa.wav", "SYNTHETIC.txt"]
    assert [path.name for path in tmp_path.iterdir()] == ["emodb"]


@pytest.mark.usefixtures("small")
def test_an_interrupted_make_leaves_no_folder(tmp_path, monkeypatch):
    def interrupted(path, *rest):
        if path.name == "03b01Wa.wav":
            raise KeyboardInterrupt
        write(path, *rest)

    write = synthetic._write
    monkeypatch.setattr(synthetic, "_write", interrupted)
    with pytest.raises(KeyboardInterrupt):
        synthetic.make("emodb", tmp_path / "emodb")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.usefixtures("small")
def test_other_peoples_files_are_left_alone(tmp_path):
    (tmp_path / "03a01Fa.wav").write_bytes(b"a real recording")
    with pytest.raises(UserError, match="did not make"):
        synthetic.make("emodb", tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["03a01Fa.wav"]


def test_an_unknown_corpus_is_refused(tmp_path):
    with pytest.raises(UserError, match="iemocap"):
        synthetic.make("iemocap", tmp_path / "iemocap")


def test_learnable_and_harder_across_speakers(emodb):
    """A small SVM: speakers heard in training against speakers never heard, and against chance (0.14)."""
    clips = corpora.manifest("emodb", emodb)
    features = np.stack([_features(*soundfile.read(path)) for path in clips["path"]])
    classifier = make_pipeline(StandardScaler(), SVC(C=10))

    def accuracy(folds, **groups):
        return cross_val_score(classifier, features, clips["emotion"], cv=folds, **groups).mean()

    heard = np.mean([accuracy(StratifiedKFold(5, shuffle=True, random_state=k)) for k in range(3)])
    unheard = accuracy(LeaveOneGroupOut(), groups=clips["speaker"])
    assert 0.65 < heard < 0.95
    assert 0.35 < unheard < 0.70
    assert heard - unheard > 0.1


def _features(wave, rate):
    """24 log band energies in time: mean, spread and mean step, 90th percentile, and the duration."""
    _, _, spectrum = stft(wave, rate, nperseg=512)
    edges = np.geomspace(3, 256, 25).astype(int)
    bands = np.log(np.add.reduceat(np.abs(spectrum) ** 2, edges[:-1], axis=0) + 1e-12)  # [24, frames]
    steps = np.diff(bands, axis=1).std(axis=1)
    return np.r_[bands.mean(1), bands.std(1), steps, np.percentile(bands, 90, axis=1), len(wave) / rate]


@pytest.mark.slow
@pytest.mark.parametrize("rate", [16000, 48000])
@pytest.mark.parametrize("vowel", ["i", "a", "u"])
def test_a_vowel_has_the_harmonics_of_f0_and_the_tables_formants(vowel, rate, rng):
    wave = speak("m" + vowel * 8 + "m", PLAIN, Manner(range=-9), rate, rng)
    middle = wave[len(wave) // 3 : 2 * len(wave) // 3]
    # Harmonics: the autocorrelation peaks at the period.
    correlation = np.correlate(middle, middle, "full")[len(middle) - 1 :]
    lags = np.arange(len(correlation))
    voiced = (lags > rate / 400) & (lags < rate / 70)
    period = lags[voiced][correlation[voiced].argmax()]
    assert rate / period == pytest.approx(PLAIN.f0, rel=0.06)
    # Formants: the envelope, smoothed over 1.5 harmonics, peaks near F1 and F2.
    power = np.abs(np.fft.rfft(middle * np.hanning(len(middle)), 2 * rate)) ** 2  # bins of 0.5 Hz
    width = int(3 * PLAIN.f0)
    envelope = np.log(np.convolve(power, np.hanning(width), "same"))
    peaks = find_peaks(envelope[:6000])[0] / 2
    for formant in PHONES[vowel].formants[:2]:
        assert np.abs(peaks - formant).min() < 130, (formant, peaks)


@pytest.mark.parametrize("rate", [16000, 24414, 48000])
def test_a_manner_does_what_it_says(rate):
    def said(text="das vIl zi am mItvOx apgeb@n", **cues):
        return speak(text, PLAIN, Manner(**cues), rate, np.random.default_rng(1))

    def share_above(hertz, wave):
        power = np.abs(np.fft.rfft(wave)) ** 2
        return power[int(hertz * len(wave) / rate) :].sum() / power.sum()

    plain = said()
    assert 20 * np.log10(plain.std() / said(level=-6).std()) == pytest.approx(6, abs=0.5)
    assert len(said(rate=0.5)) < 0.85 * len(plain)
    assert len(said(pause=1.0)) > 1.15 * len(plain)
    # the low-pass is the glottis's: a text without friction
    assert share_above(1000, said("maminamu", brightness=-3)) < 0.7 * share_above(1000, said("maminamu"))


def test_a_shorter_tract_has_higher_formants():
    def first_formant(tract):
        speaker = dataclasses.replace(PLAIN, f0=90.0, tract=tract)
        wave = speak("aaaaaaaa", speaker, Manner(range=-9), 16000, np.random.default_rng(1))
        power = np.convolve(np.abs(np.fft.rfft(wave, 32000)) ** 2, np.hanning(300), "same")  # bins of 0.5 Hz
        return power[600:2400].argmax() / 2 + 300

    assert first_formant(1.25) > 1.1 * first_formant(1.0)


def test_an_unknown_phone_is_named():
    with pytest.raises(ValueError, match="'q'"):
        speak("aqa", PLAIN, Manner(), 16000, np.random.default_rng(1))


@pytest.mark.parametrize("n_bytes", [20, 1000])
def test_a_full_disk_is_one_line_and_leaves_nothing(tmp_path, small_disk, n_bytes):
    with small_disk(n_bytes), pytest.raises(UserError, match=r"cannot write .*emodb: File too large$"):
        synthetic.make("emodb", tmp_path / "emodb")
    assert list(tmp_path.iterdir()) == []


def test_a_marker_that_is_no_text_belongs_to_another_version(tmp_path, monkeypatch):
    monkeypatch.setitem(synthetic._PLANS, "emodb", lambda: ["03a01Fa.wav"])
    folder = synthetic.make("emodb", tmp_path / "emodb")
    notice = (folder / "SYNTHETIC.txt").read_bytes()
    (folder / "SYNTHETIC.txt").write_bytes(b"\xff")
    assert (synthetic.make("emodb", folder) / "SYNTHETIC.txt").read_bytes() == notice
