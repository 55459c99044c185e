"""Numbers from stored runs and from clips, in DataFrames and arrays: statistics, reported against obtained, models
paired, what figures show.

Its words are verdicts and the questions of `compare`. It writes no file; ``examples`` alone opens recordings.
"""

from typing import NamedTuple

DB_RANGE = 80  # what spectrograms show below a clip's maximum


class Question(NamedTuple):
    """Of `compare`. ``asked``: in a sentence; ``compared``: which experiments, unless they are named; ``heading``: of
    its answer among others.
    """

    asked: str
    compared: str
    heading: str


QUESTIONS = {
    "losses": Question(
        "Mean squared error against cross-entropy.",
        "the report's, each with both losses",
        "Losses compared on the same clips",
    ),
    "models": Question(
        "The report's architectures and an SVM.",
        "one per model of the report, and svm",
        "Models compared on the same clips",
    ),
    "protocols": Question(
        "Each step from the report's split to unseen speakers and sentences.",
        "those of the report",
        "From the report's split to unseen speakers",
    ),
}
