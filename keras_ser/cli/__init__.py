"""The command line: ``parser`` says what can be asked, ``commands`` turns it into calls."""
