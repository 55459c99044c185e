"""The common vocabulary of emotions, and the spellings of it that folders and reports use."""

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
