"""The one error that people see: what was found, where, and what to do about it, in one line."""


class UserError(ValueError):
    """Input, arguments or surroundings that the user can put right. The command line prints it and exits with
    ``exit_code``.
    """

    exit_code = 2

    def __str__(self):
        return one_line(super().__str__())


class PartialSuccess(UserError):
    """A part of what was asked for could not be done; the rest is done and stands."""

    exit_code = 3


def one_line(text: object) -> str:
    """The text with line ends, control characters and bytes that are no text written as escapes, such as \\n."""
    return "".join(letter if letter.isprintable() else letter.encode("unicode_escape").decode() for letter in str(text))
