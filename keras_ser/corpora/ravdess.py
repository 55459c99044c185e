"""RAVDESS, audio-only speech: `03-01-06-01-02-01-12.wav` is modality (03 = audio only), channel (01 =
speech, 02 = song), emotion, intensity, statement, repetition, actor. Odd actors are male. Ages (21 to 33)
are not given by actor.

Source: https://zenodo.org/records/1188976; Livingstone & Russo 2018 (1440 speech clips, 24 actors).
"""

import re
from pathlib import PurePosixPath

from keras_ser.corpora.corpus import Corpus

LABELS = {
    "01": "neutral",
    "02": "calm",
    "03": "happiness",
    "04": "sadness",
    "05": "anger",
    "06": "fear",
    "07": "disgust",
    "08": "surprise",
}
INTENSITIES = {"01": "normal", "02": "strong"}
_NAME = re.compile(r"03-01-(0[1-8])-(0[12])-(0[12])-(0[12])-(0[1-9]|1\d|2[0-4])")


def parse(path: PurePosixPath) -> dict | None:
    """The facts in one file name."""
    match = _NAME.fullmatch(path.stem)
    if not match:
        return None
    label, intensity, sentence, take, speaker = match.groups()
    return {
        "clip": path.stem,
        "speaker": speaker,
        "gender": "male" if int(speaker) % 2 else "female",
        "age": None,
        "emotion": LABELS[label],
        "label": label,
        "sentence": sentence,
        "intensity": INTENSITIES[intensity],
        "take": take,
    }


RAVDESS = Corpus(
    name="ravdess",
    title="RAVDESS speech (Ryerson Audio-Visual Database of Emotional Speech and Song)",
    sample_rate=48000,
    n_speakers=24,
    counts={
        "anger": 192,
        "calm": 192,
        "disgust": 192,
        "fear": 192,
        "happiness": 192,
        "neutral": 96,  # recorded at one intensity
        "sadness": 192,
        "surprise": 192,
    },
    licence="CC BY-NC-SA 4.0",
    home="https://zenodo.org/records/1188976",
    citation="Livingstone, Russo: The Ryerson Audio-Visual Database (RAVDESS). PLoS ONE 13(5), 2018",
    parse=parse,
    others={r"03-02(-\d\d){5}": "RAVDESS song", r"0[12]-0[12](-\d\d){5}": "RAVDESS video"},
)
