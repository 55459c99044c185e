"""What we would train ourselves: the same parts as the reports, and no paper to answer to.

A module holds one :class:`~keras_ser.reports.specification.Report` without printed figures, ``REPORT``;
``keras_ser.reports.load`` finds it by its name.
"""
