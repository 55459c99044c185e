"""House words, which whoever reads the results does not know, for the field's: splits, augmented versions, substitute
corpus, backend, test-set selection bias, chance level, repetitions, obtained, available, most confident, excluded.
"""

import re

HOUSE_WORDS = (
    r"(?i:(?<!by )sides?(?! by)|a class|copies|stand-ins?|engines?|optimism|guess\w*|seeds(?! 0)|ours|at hand|surest|"
    r"embedded|new speakers|left out)|nan|None"
)


def house_words(text):
    """Those of a text, each with what stands around it."""
    text = re.sub(r"\s+", " ", text)
    found = re.finditer(rf"\b({HOUSE_WORDS})\b", text)
    return [text[max(0, match.start() - 30) : match.end() + 30] for match in found]


def without_code(markdown):
    """Markdown without blocks and words of code."""
    return re.sub(r"```.*?```|`[^`]*`", "", markdown, flags=re.DOTALL)
