"""The embedded corpora: synthetic speech under the file names, rates and layouts of the five public corpora.

In: the name of a corpus and a folder. Out: 140–192 16-bit WAV files in it, the same bytes each time, and
SYNTHETIC.txt, which says that no human voice is in there; every WAV file says so too, in its comment.

What can be learnt: each emotion moves ten cues of the voice (`MOVES`), and neighbours (sadness and boredom,
anger and happiness) move them alike. Each speaker has an own voice, own baselines, an own strength of every
cue, and an own habit for each emotion, so a classifier that has heard the speakers does better than one that
has not, as in the real corpora. Accuracies on these clips say that the programs work, nothing about people.
"""

import io
from functools import cache
from hashlib import sha256
from itertools import product
from pathlib import Path, PurePosixPath

import numpy as np
import soundfile

from keras_ser import corpora, files
from keras_ser.corpora import crema_d, savee
from keras_ser.corpora.corpus import SYNTHETIC_MARKER
from keras_ser.corpora.synthesis import CUES, Manner, Speaker, speak
from keras_ser.errors import UserError

NAMES = tuple(corpora.CORPORA)
VERSION = 1  # count up with every change that changes a sample: folders of another version are written anew
NOTICE = f"Synthetic speech made by keras_ser (keras_ser.corpora.synthetic, version {VERSION}). No human voice."

# How far each emotion moves each cue of `synthesis.Manner`, in units of SCALE.
MOVES = {
    # pitch, range, rate, level, brightness, breath, tremor, pause, articulation, rise
    "neutral": (0, 0, 0, 0, 0, 0, 0, 0, 0, -0.5),
    "calm": (-0.4, -0.7, -0.6, -0.9, -0.7, 0.6, 0, 0.2, -0.2, -0.3),
    "boredom": (-1, -1.7, -1.3, -1, -0.8, 0.2, 0, 0.6, -1, -0.5),
    "sadness": (-0.5, -1.3, -1.5, -1.8, -1.5, 1.8, 0.6, 1.2, -1, 0),
    "happiness": (1.5, 2, 0.5, 1.2, 1, 0, 0, -0.5, 0.5, 0.7),
    "surprise": (2.2, 2.4, 0.3, 1, 0.5, 0.3, 0, 0, 0.3, 2.5),
    "anger": (1.4, 1.3, 0.8, 2, 2, -1, 0.4, -0.5, 1, -1),
    "fear": (2, -0.3, 1.5, 0.3, 0.4, 1, 2, 0, -0.3, 0.5),
    "disgust": (-0.5, 0.4, -1.2, 0, 0.2, 0.3, 0.8, 1.2, 0.2, -1.2),
}
SCALE = np.array((4.0, 0.6, 0.22, 5.0, 2.0, 2.2, 0.7, 0.22, 0.45, 3.5))
# RAVDESS's and CREMA-D's intensities: a factor on the moves. Clips without one have 1.
INTENSITIES = {"low": 0.6, "medium": 0.9, "high": 1.3, "normal": 0.9, "strong": 1.2}
# Standard deviations in units of SCALE: of speakers' baselines, strengths (a factor) and habits, and of clips.
BASELINE, STRENGTH, HABIT, CLIP = 0.15, 0.25, 0.65, 0.05
# Seconds of room noise before and after the speech, at most.
SILENCES = {"emodb": 0.15, "ravdess": 0.5, "tess": 0.15, "savee": 0.25, "crema_d": 0.25}

# What is said, by sentence, in phones (`synthesis.PHONES`): the corpora's own sentences, long ones cut short.
TEXTS = {
    "emodb": {
        "a01": "der lap@n likt aUf dem aIsSraNk",
        "a02": "das vIl zi am mItvOx apgeb@n",
        "a04": "hOIt@ abEnt k2nt@ IC Es im zag@n",
        "a05": "das Svarts@ StYk papir da ob@n",
        "a07": "In zib@n StUnd@n vIrt Es zovaIt zaIn",
        "b01": "vas zInt dEn das fyr tyt@n",
        "b02": "zi hab@n Es hox g@trag@n",
        "b03": "an den vOx@nEnd@n nax haUz@ g@far@n",
        "b09": "IC vIl das eb@n vEk brIN@n",
        "b10": "di vIrt aUf dem plats zaIn",
    },
    "ravdess": {"01": "kIdz Ar tOkIN baI D@ dOr", "02": "dAgz Ar sItIN baI D@ dOr"},
    "tess": {  # after "Say the word"
        "back": "b{k",
        "beg": "bEg",
        "boat": "bot",
        "chain": "tSeIn",
        "dog": "dOg",
        "fat": "f{t",
        "goose": "gus",
        "keep": "kip",
        "love": "lVv",
        "nice": "naIs",
        "shirt": "S3rt",
        "wheat": "wit",
    },
    "savee": {  # 01–03 are the sentences that SAVEE's speakers say in every emotion
        "01": "Si h{d jur dArk sut In grisi wAS wOt3r",
        "02": "dont {sk mi tu k{ri {n OIli r{g",
        "03": "wIl ju tEl mi waI",
        "04": "k{lsi@m meIks bonz {nd tiT strON",
        "05": "D@ k{r@t wVz no lON@r frES",
    },
    "crema_d": {
        "DFA": "dont fOrgEt @ dZ{k@t",
        "IOM": "aIm On maI weI tu D@ mitIN",
        "IWW": "aI wVnd3r wVt DIs Iz @baUt",
        "TAI": "Di erpleIn Iz Olmost fUl",
    },
}

# Emo-DB's clips, two for each emotion: anger (W), boredom (L), disgust (E), fear (A), happiness (F), sadness
# (T), neutral (N). All but 03a07Ea, 08a04Ea, 08b03Ea, 09a04Aa and 10b10Ea are names of the corpus, which has
# fewer clips there.
EMODB_CLIPS = {
    "03": "a01Wa b01Wa b09La b01Lb b10Ec a07Ea a04Ad b02Aa a02Fc b01Fa a04Ta b03Tc b09Nc b02Na",
    "08": "b09Wc a05Wa a07La a05Lc a04Ea b03Ea b09Ab a02Ab a02Fe a05Fe b10Tc b02Tc b03Nb a01Na",
    "09": "a04Wa b03Wb a04La b03Lb a07Eb a05Ed b10Aa a04Aa b03Fd a01Fa b02Tb a07Ta b09Nd a04Nb",
    "10": "b02Wb b10Wa a02Lb b02La b01Ea b10Ea b02Aa a07Aa a04Fd b10Fc a05Tb a07Ta a01Nb a02Na",
    "11": "b01Wd a04Wc b10Ld a01Ld a02Ec b01Eb a05Ad a01Aa a05Fc a04Fd b10Td b09Td a02Nc b01Nc",
    "12": "a02Wa a07Wa a07La a05Lb a02Ec b02Ea a07Ac a05Ab a01Fb b02Fb b01Ta a05Ta a05Nd b02Na",
    "13": "a01Wb b03Wc b09La b10La b03Ed b09Ec a01Ac b09Ab b09Fb a07Fd a02Ta a04Ta a05Nb a07Na",
    "14": "b09Wc a05Wa a04Lb a02La a04Ed a01Ea b01Ac a02Ab b02Fb b01Fa a02Tb b03Ta b10Nb b01Na",
    "15": "b02Wc b10Wa b03Lc a01La a01Ea a05Eb a04Ab b10Ac b09Fa a07Fa b09Ta b03Tc b10Nc a04Nc",
    "16": "a07Wa a02Wb b02Lb b01Lc a07Ea b09Eb b01Aa b03Ad b03Fd b10Fb a01Tb b01Tb b03Nb a07Nb",
}
RAVDESS_STEREO = (  # the first two are stereo in the real corpus
    "Actor_01/03-01-02-01-01-02-01.wav",
    "Actor_05/03-01-02-01-02-02-05.wav",
)
TESS_FOLDERS = {  # folder: label in the file name
    "OAF_Fear": "fear",
    "OAF_Pleasant_surprise": "ps",
    "OAF_Sad": "sad",
    "OAF_angry": "angry",
    "OAF_disgust": "disgust",
    "OAF_happy": "happy",
    "OAF_neutral": "neutral",
    "YAF_angry": "angry",
    "YAF_disgust": "disgust",
    "YAF_fear": "fear",
    "YAF_happy": "happy",
    "YAF_neutral": "neutral",
    "YAF_pleasant_surprised": "ps",
    "YAF_sad": "sad",
}
CREMA_D_ACTORS = (
    "1001",
    "1002",
    "1003",
    "1004",
    "1005",
    "1006",
    "1007",
    "1011",
    "1012",
    "1014",
    "1015",
    "1016",
)


def plan(name):
    """The files of an embedded corpus: tuple of paths in its folder. What is in a clip follows from its name.

    Raises:
        UserError: no corpus has that name.
    """
    corpora.get(name)
    return tuple(sorted(_PLANS[name]()))


def make(name, folder):
    """Write an embedded corpus.

    Args:
        name: one of NAMES.
        folder: the corpus's own folder, made if missing; it appears whole or not at all. If it holds this
            corpus already, nothing is done; a synthetic corpus of another version is replaced.

    Returns:
        The folder, a Path.

    Raises:
        UserError: no corpus has that name, the folder holds other files, or the disk does not take it.
    """
    folder, paths = Path(folder), plan(name)
    rate = corpora.get(name).sample_rate
    marker = folder / SYNTHETIC_MARKER
    notice = f"{NOTICE}\n{name}: {len(paths)} clips, {rate} Hz, named as the clips of {corpora.get(name).title}.\n"
    if marker.is_file():
        if marker.read_text(encoding="utf-8", errors="replace") == notice:
            return folder
    elif folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise UserError(
            f"{folder}: holds files that keras_ser did not make; name a new folder for the synthetic {name}"
        )
    with files.replaced(folder) as part:
        for path in paths:
            (part / path).parent.mkdir(parents=True, exist_ok=True)
            _write(part / path, render(name, path), rate)
        (part / SYNTHETIC_MARKER).write_text(notice, encoding="utf-8")
    return folder


def render(name, path):
    """One clip: a corpus and a path of its plan → int16 [samples, channels] at the corpus's rate."""
    corpus = corpora.get(name)
    facts = corpus.parse(PurePosixPath(path))
    speaker, baseline, moves = _speaker(name, facts["speaker"], facts["gender"])
    rng = _rng(name, facts["clip"])
    intensity = INTENSITIES.get(facts["intensity"], 1.0)
    cues = baseline + intensity * moves[facts["emotion"]] + CLIP * rng.standard_normal(len(CUES))
    silence = SILENCES[name] * rng.uniform(0.6, 1.0, 2)
    wave = speak(text(name, facts["sentence"]), speaker, Manner(*(SCALE * cues)), corpus.sample_rate, rng, silence)
    channels = [wave]
    if path in RAVDESS_STEREO:  # a second microphone, a little further off
        channels.append(0.8 * wave + 1e-4 * rng.standard_normal(len(wave)))
    return np.rint(np.stack(channels, axis=1) * 32767).astype(np.int16)


def text(name, sentence):
    """What is said in clips of that `sentence` (as the manifest has it): phones of `synthesis.PHONES`."""
    if name == "tess":
        return "seI D@ w3rd " + TEXTS[name][sentence]
    if name == "savee":  # "common-01", "a04": one number, the same words in all emotions
        return TEXTS[name][sentence[-2:]]
    return TEXTS[name][sentence]


@cache
def _speaker(name, speaker, gender):
    """→ the voice, its baseline [cues], its moves (emotion → [cues]), the last two in units of SCALE."""
    rng = _rng(name, speaker)
    f0, tract = (205, 1.16) if gender == "female" else (115, 1.0)
    voice = Speaker(
        f0=f0 * 2 ** rng.normal(0, 0.15),
        tract=tract * 2 ** rng.normal(0, 0.05),
        formants=tuple(2 ** rng.normal(0, 0.04, 8)),
        open_quotient=rng.uniform(0.5, 0.75),
        noise=rng.uniform(-72, -60),
    )
    baseline = BASELINE * rng.standard_normal(len(CUES))
    strength = 1 + STRENGTH * rng.standard_normal(len(CUES))
    habits = HABIT * rng.standard_normal((len(MOVES), len(CUES)))
    return voice, baseline, {e: strength * MOVES[e] + habit for e, habit in zip(MOVES, habits, strict=True)}


def _rng(*key):
    """A generator of its own for every speaker and clip, the same in every process."""
    return np.random.default_rng(int.from_bytes(sha256("/".join(key).encode()).digest()[:8], "big"))


def _write(path, channels, rate):
    content = io.BytesIO()  # libsndfile's own writing does not say why a disk does not take it
    with soundfile.SoundFile(content, "w", rate, channels.shape[1], "PCM_16", format="WAV") as file:
        file.comment = NOTICE
        file.write(channels)
    path.write_bytes(content.getvalue())


def _emodb():
    return [f"{speaker}{rest}.wav" for speaker, clips in EMODB_CLIPS.items() for rest in clips.split()]


def _ravdess():
    """Actors 1–8, both statements; calm, happiness, sadness, anger in both intensities, the rest normal."""
    return [
        f"Actor_{actor}/03-01-{emotion}-{intensity}-{statement}-01-{actor}.wav"
        for actor, emotion, statement in product(_numbers(8), _numbers(8), TEXTS["ravdess"])
        for intensity in (("01", "02") if emotion in ("02", "03", "04", "05") else ("01",))
    ]


def _tess():
    return [
        f"{folder}/{folder[:3]}_{word}_{label}.wav"
        for (folder, label), word in product(TESS_FOLDERS.items(), TEXTS["tess"])
    ]


def _savee():
    return [
        f"{speaker}/{label}{number}.wav"
        for speaker, label, number in product(savee.SPEAKERS, savee.LABELS, TEXTS["savee"])
    ]


def _crema_d():
    """Twelve actors; two of the four sentences for each emotion, so that all pairs of neighbours occur."""
    sentences = list(TEXTS["crema_d"])
    return [
        f"{actor}_{sentences[(i + j + k) % 4]}_{label}_XX.wav"
        for (i, actor), (j, label), k in product(enumerate(CREMA_D_ACTORS), enumerate(crema_d.LABELS), (0, 1))
    ]


def _numbers(last):
    return [f"{number:02d}" for number in range(1, last + 1)]


_PLANS = {"emodb": _emodb, "ravdess": _ravdess, "tess": _tess, "savee": _savee, "crema_d": _crema_d}
