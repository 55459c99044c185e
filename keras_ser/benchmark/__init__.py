"""How fast it is: signals beside the libraries (``signal``), training beside the reports' listings (``training``),
prediction beside the reports' own way (``serving``). Recordings in, a table as CSV and Markdown out.

Libraries and graph work on the same clips, in the same process, taking turns; what counts is the ratio of a turn to the
turn beside it, which a busy machine disturbs less than the times.
"""
