"""The one error that is addressed to the user rather than to a programmer."""


class InputError(ValueError):
    """Something the user gave cannot be used.

    The message is one plain sentence that says what is wrong and what to do. The command line prints it without a
    traceback and exits with code 2.
    """
