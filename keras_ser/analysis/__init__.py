"""Numbers from stored runs, in DataFrames: statistics, reported against obtained, models paired. No prose, no files."""

DB_RANGE = 80  # what spectrograms show below a clip's maximum
QUESTIONS = {  # of `compare`: what is asked, and what is compared unless experiments are named
    "losses": ("Mean squared error against cross-entropy.", "the report's, each with both losses"),
    "models": ("The report's architectures and an SVM.", "one per model of the report, and svm"),
    "protocols": ("Each step from the report's split to unseen speakers and sentences.", "those of the report"),
}
