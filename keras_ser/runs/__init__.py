"""Runs: carried out (``runner``), and kept on disk and found again (``store``)."""
