"""What we would train ourselves: the same parts as the reports, and no paper to answer to.

A recipe is a :class:`~keras_ser.reports.specification.Report` without printed figures; ``keras_ser.reports.load`` finds
both.
"""

NAMES = ("unseen_speakers",)
