"""The one error that is addressed to the user rather than to a programmer."""


class InputError(ValueError):
    """Input that cannot be used.

    The message is one plain sentence that names the fault, then the remedy. A parameter that the user can change is
    given in backticks by its Python name: "give a larger `tmax`, or set `overwrite=True`". The command line shows the
    option instead, prints the sentence without a traceback and exits with code 2.

    Examples
    --------
    >>> import headwater as hw
    >>> try:
    ...     hw.read_recording("no-such-file.fif")
    ... except hw.InputError as error:
    ...     print(type(error).__name__)
    InputError
    """
