"""The common vocabulary of emotions, and the spellings of it that folders, tables and reports use."""

from collections import Counter
from collections.abc import Iterable

from keras_ser.errors import UserError
from keras_ser.progress import log

EMOTIONS = ("anger", "boredom", "calm", "disgust", "fear", "happiness", "neutral", "sadness", "surprise")

# What people write → the common word. Written in lower case, with "_" for blanks and hyphens.
ALIASES = {emotion: emotion for emotion in EMOTIONS} | {
    "angry": "anger",
    "bored": "boredom",
    "disgusted": "disgust",
    "fearful": "fear",
    "happy": "happiness",
    "joy": "happiness",
    "pleasant_surprise": "surprise",
    "pleasant_surprised": "surprise",
    "ps": "surprise",
    "sad": "sadness",
    "surprised": "surprise",
}


def common(word: str) -> str | None:
    """The common word for one spelling of an emotion, None where it is none."""
    return ALIASES.get(word.strip().lower().replace(" ", "_").replace("-", "_"))


def meanings(of_clips: Iterable[str], labels: dict, where: str, asked: dict | None = None) -> dict[str, str]:
    """The label of each clip → label → emotion, of the labels that mean one. Clips with another label are to be
    excluded, and one warning lists these labels with the numbers of their clips.

    Args:
        labels: label → emotion, which may be a word of one's own: before the common vocabulary.
        asked: those of `labels` that the user gave.

    Raises:
        UserError: no label means an emotion, or one of `asked` is the label of no clip.
    """
    counts = Counter(of_clips)
    absent = [label for label in asked or () if label not in counts]
    if absent:
        raise UserError(f"{where}: no clip has the label {', '.join(absent)}; its labels are {_listed(counts)}")
    meaning = {label: common(labels[label]) or labels[label] if label in labels else common(label) for label in counts}
    unknown = {label: n for label, n in counts.items() if meaning[label] is None}
    if unknown:
        example = next(iter(unknown))
        remedy = f"map them with --labels {example}=anger,…, or keep one as a class with --labels {example}={example}"
        if len(unknown) == len(counts):
            raise UserError(f"{where}: none of its labels is a known emotion: {_listed(unknown)}; {remedy}")
        log.warning("%s: unknown labels excluded: %s; %s", where, _listed(unknown), remedy)
    return {label: emotion for label, emotion in meaning.items() if emotion is not None}


def _listed(counts: dict, most: int = 20) -> str:
    """anger (12), fear (3)"""
    listed = [f"{label} ({n})" for label, n in sorted(counts.items(), key=lambda item: -item[1])]
    return ", ".join(listed[:most]) + (f" and {len(listed) - most} more" if len(listed) > most else "")
