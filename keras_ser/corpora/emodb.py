"""Emo-DB (Berlin Database of Emotional Speech): `03a01Fa.wav` is speaker 03, text a01, F = Freude, version a.

Source: http://emodb.bilderbar.info/docu/ (speakers, codes); Burkhardt et al. 2005 (535 utterances).
"""

import re
from pathlib import PurePosixPath

from keras_ser.corpora.corpus import Corpus

LABELS = {
    "W": "anger",  # Wut
    "L": "boredom",  # Langeweile
    "E": "disgust",  # Ekel
    "A": "fear",  # Angst
    "F": "happiness",  # Freude
    "T": "sadness",  # Trauer
    "N": "neutral",
}
SPEAKERS = {  # gender, age
    "03": ("male", 31),
    "08": ("female", 34),
    "09": ("female", 21),
    "10": ("male", 32),
    "11": ("male", 26),
    "12": ("male", 30),
    "13": ("female", 32),
    "14": ("female", 35),
    "15": ("male", 25),
    "16": ("female", 31),
}
_NAME = re.compile(rf"({'|'.join(SPEAKERS)})([ab]\d\d)([{''.join(LABELS)}])([a-z]?)")


def parse(path: PurePosixPath) -> dict | None:
    """The facts in one file name."""
    match = _NAME.fullmatch(path.stem)
    if not match:
        return None
    speaker, sentence, label, take = match.groups()
    gender, age = SPEAKERS[speaker]
    return {
        "clip": path.stem,
        "speaker": speaker,
        "gender": gender,
        "age": age,
        "emotion": LABELS[label],
        "label": label,
        "sentence": sentence,
        "intensity": "",
        "take": take,
    }


EMODB = Corpus(
    name="emodb",
    title="Emo-DB (Berlin Database of Emotional Speech)",
    sample_rate=16000,
    n_speakers=10,
    counts={
        "anger": 127,
        "boredom": 81,
        "disgust": 46,
        "fear": 69,
        "happiness": 71,
        "neutral": 79,
        "sadness": 62,
    },
    licence="free to use, cite the paper",
    home="http://emodb.bilderbar.info",
    citation="Burkhardt et al.: A Database of German Emotional Speech. Interspeech 2005",
    parse=parse,
)
