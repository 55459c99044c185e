"""SAVEE, Surrey Audio-Visual Expressed Emotion: `DC/a01.wav`, or `DC_a01.wav` where all are in one folder,
is speaker DC, a = anger, sentence 01. Four men; ages (27 to 31) are not given by speaker.

Sentences: 01 to 03 of every emotion are the three common ones ("common-01" …); the others are counted
within their emotion ("a04"). Neutral also repeats the 12 emotion-specific sentences, but the names do not
say which of n04 to n30 those are, so a neutral clip may share its words with another clip of a different
`sentence`.

Source: http://kahlan.eps.surrey.ac.uk/savee/Database.html and the corpus's Info.txt; Haq & Jackson 2010
(480 clips).
"""

import re
from pathlib import PurePosixPath

from keras_ser.corpora.corpus import Corpus

LABELS = {
    "a": "anger",
    "d": "disgust",
    "f": "fear",
    "h": "happiness",
    "n": "neutral",
    "sa": "sadness",
    "su": "surprise",
}
SPEAKERS = ("DC", "JE", "JK", "KL")
_NAME = re.compile(rf"(?:({'|'.join(SPEAKERS)})[_ ]?)?({'|'.join(LABELS)})(\d\d)")


def parse(path: PurePosixPath) -> dict | None:
    """The facts in one file name and, where the speaker is not in it, its folder's."""
    match = _NAME.fullmatch(path.stem)
    if not match:
        return None
    speaker, label, number = match.groups()
    speaker = speaker or path.parent.name
    if speaker not in SPEAKERS:
        return None
    return {
        "clip": f"{speaker}_{label}{number}",
        "speaker": speaker,
        "gender": "male",
        "age": None,
        "emotion": LABELS[label],
        "label": label,
        "sentence": f"common-{number}" if int(number) <= 3 else f"{label}{number}",
        "intensity": "",
        "take": "",
    }


SAVEE = Corpus(
    name="savee",
    title="SAVEE (Surrey Audio-Visual Expressed Emotion)",
    sample_rate=44100,
    n_speakers=4,
    counts={emotion: 120 if emotion == "neutral" else 60 for emotion in sorted(LABELS.values())},
    licence="free for research, after registration",
    home="http://kahlan.eps.surrey.ac.uk/savee/",
    citation="Haq, Jackson: Multimodal Emotion Recognition. In: Machine Audition, IGI Global, 2010",
    parse=parse,
)
