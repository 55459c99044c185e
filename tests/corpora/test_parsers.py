"""File names → facts: literal names here, and the lists of real names where they are at hand."""

from collections import Counter
from pathlib import PurePosixPath

import pytest

from keras_ser.corpora import CORPORA
from keras_ser.corpora.corpus import COLUMNS
from keras_ser.corpora.emotions import EMOTIONS

# corpus, path, speaker, gender, age, emotion, label, sentence, intensity, take
NAMES = [
    ("emodb", "wav/03a01Fa.wav", "03", "male", 31, "happiness", "F", "a01", "", "a"),
    ("emodb", "16b10Td.flac", "16", "female", 31, "sadness", "T", "b10", "", "d"),
    ("emodb", "08a05L.wav", "08", "female", 34, "boredom", "L", "a05", "", ""),
    ("ravdess", "Actor_01/03-01-02-01-01-02-01.wav", "01", "male", None, "calm", "02", "01", "normal", "02"),
    ("ravdess", "03-01-08-02-02-01-24.wav", "24", "female", None, "surprise", "08", "02", "strong", "01"),
    ("tess", "OAF_Fear/OAF_back_fear.wav", "OAF", "female", 64, "fear", "fear", "back", "", ""),
    ("tess", "YAF_pleasant_surprised/YAF_dog_ps.wav", "YAF", "female", 26, "surprise", "ps", "dog", "", ""),
    ("tess", "OAF_Pleasant_surprise/OAF_dog_ps.wav", "OAF", "female", 64, "surprise", "ps", "dog", "", ""),
    ("tess", "OAF_neutral/OA_bite_neutral.wav", "OAF", "female", 64, "neutral", "neutral", "bite", "", ""),
    ("savee", "DC_a01.wav", "DC", "male", None, "anger", "a", "common-01", "", ""),
    ("savee", "AudioData/KL/su15.wav", "KL", "male", None, "surprise", "su", "su15", "", ""),
    ("savee", "JE/n03.wav", "JE", "male", None, "neutral", "n", "common-03", "", ""),
    ("crema_d", "AudioWAV/1001_DFA_ANG_XX.wav", "1001", "male", 51, "anger", "ANG", "DFA", "unspecified", ""),
    ("crema_d", "1091_IEO_NEU_LO.wav", "1091", "female", 29, "neutral", "NEU", "IEO", "low", ""),
    ("crema_d", "1040_ITH_SAD_X.wav", "1040", "male", 42, "sadness", "SAD", "ITH", "unspecified", ""),
]

NO_CLIPS = [
    ("emodb", "03a01Xa.wav"),  # no such emotion
    ("emodb", "04a01Fa.wav"),  # no such speaker
    ("ravdess", "Actor_01/03-02-02-01-01-02-01.wav"),  # song
    ("ravdess", "01-01-02-01-01-02-01.wav"),  # the sound of a video
    ("ravdess", "03-01-02-01-01-02-25.wav"),  # no such actor
    ("tess", "OAF_back_calm.wav"),
    ("savee", "Info.txt"),
    ("savee", "a01.wav"),  # whose?
    ("savee", "XX/a01.wav"),
    ("crema_d", "1092_DFA_ANG_XX.wav"),
    ("crema_d", "1001_DFA_CAL_XX.wav"),
]


@pytest.mark.parametrize("case", NAMES, ids=lambda case: case[1])
def test_facts_of_a_name(case):
    name, path, *expected = case
    facts = CORPORA[name].parse(PurePosixPath(path))
    keys = ("speaker", "gender", "age", "emotion", "label", "sentence", "intensity", "take")
    assert [facts[key] for key in keys] == expected
    assert set(facts) == set(COLUMNS) - {"path", "corpus", "synthetic"}


@pytest.mark.parametrize(("name", "path"), NO_CLIPS)
def test_what_is_no_clip(name, path):
    assert CORPORA[name].parse(PurePosixPath(path)) is None


@pytest.mark.parametrize("case", NAMES, ids=lambda case: case[1])
def test_no_corpus_takes_another_ones_clip(case):
    name, path, *_ = case
    assert [other for other in CORPORA if CORPORA[other].parse(PurePosixPath(path))] == [name]


def test_both_layouts_of_savee_give_one_clip():
    parse = CORPORA["savee"].parse
    flat, nested = parse(PurePosixPath("DC_sa07.wav")), parse(PurePosixPath("DC/sa07.wav"))
    assert flat == nested
    assert flat["clip"] == "DC_sa07"


def test_published_sizes():
    sizes = {name: (corpus.n_clips, corpus.n_speakers) for name, corpus in CORPORA.items()}
    assert sizes == {
        "emodb": (535, 10),
        "ravdess": (1440, 24),
        "tess": (2800, 2),
        "savee": (480, 4),
        "crema_d": (7442, 91),
    }
    assert all(set(corpus.counts) <= set(EMOTIONS) for corpus in CORPORA.values())


@pytest.mark.parametrize("name", CORPORA)
def test_every_real_name(real_data, name):
    names = real_data / "names" / f"{name}.txt"
    if not names.is_file():
        pytest.skip(f"no {names}")
    corpus = CORPORA[name]
    parsed = {line: corpus.parse(PurePosixPath(line)) for line in names.read_text().split("\n") if line}
    assert [line for line, facts in parsed.items() if facts is None] == (["Info.txt"] if name == "savee" else [])
    facts = [facts for facts in parsed.values() if facts]
    assert Counter(fact["emotion"] for fact in facts) == corpus.counts
    assert len({fact["speaker"] for fact in facts}) == corpus.n_speakers
    assert len({fact["clip"] for fact in facts}) == corpus.n_clips


def test_words_of_the_real_tess(real_data):
    names = real_data / "names" / "tess.txt"
    if not names.is_file():
        pytest.skip(f"no {names}")
    facts = [CORPORA["tess"].parse(PurePosixPath(line)) for line in names.read_text().split()]
    words = Counter(fact["sentence"] for fact in facts)
    assert len(words) == 200
    assert set(words.values()) == {14}  # 2 actresses × 7 emotions
