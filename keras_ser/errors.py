"""The one error that people see: what was found, where, and what to do about it, in one line."""


class UserError(ValueError):
    """Input, arguments or surroundings that the user can put right. The command line prints it and exits with 2."""
