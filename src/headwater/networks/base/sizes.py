"""Limits of the sizes of networks, checked before memory is allocated."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import wraps
from typing import Annotated, Any, Literal, ParamSpec

import torch
from pydantic import Field
from torch.overrides import TorchFunctionMode

from headwater._utils.errors import InputError
from headwater._utils.settings import checked

P = ParamSpec("P")

MOST_PARAMETERS = 2_000_000_000  # 8 GB in single precision; the largest published network has 0.8 billion
FACTORIES = (torch.empty, torch.zeros, torch.ones)  # functions by which PyTorch's layers allocate memory

Size = Annotated[int, Field(ge=1, le=1_000_000)]  # channels, sources, time points
Width = Annotated[int, Field(ge=1, le=65_536)]  # features
Widths = Annotated[tuple[Width, ...], Field(min_length=1, max_length=64)]
Repeats = Annotated[int, Field(ge=1, le=64)]  # layers, blocks, heads
Levels = Annotated[int, Field(ge=1, le=12)]  # each of which doubles or halves a size
Kernel = Annotated[int, Field(ge=1, le=255)]
Pixels = Annotated[int, Field(ge=2, le=1024)]
ImageShape = tuple[Pixels, Pixels]  # height and width
Orientations = Literal[1, 3]


class Budget(TorchFunctionMode):
    """Limit the total size of new tensors; the error is raised before memory is allocated.

    Parameters
    ----------
    most : int
        Maximum number of elements of all tensors created in the block.
    words : str
        Text of the `InputError` raised if the limit is exceeded.
    """

    def __init__(self, most: int, words: str) -> None:
        super().__init__()
        self.left, self.words = most, words

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        if func in FACTORIES:
            size = kwargs.get("size", args)
            size = size[0] if size and not isinstance(size[0], int) else size
            self.left -= math.prod(size)
            if self.left < 0:
                raise InputError(self.words)
        return func(*args, **kwargs)


def affordable(init: Callable[P, None]) -> Callable[P, None]:
    """Check the arguments of a network's constructor and the memory that the network requires."""
    init = checked(init)

    @wraps(init)
    def wrapper(*args: P.args, **config: P.kwargs) -> None:
        words = f"{type(args[0]).__name__} would have more than {MOST_PARAMETERS:.0e} parameters; use smaller sizes."
        with Budget(MOST_PARAMETERS, words):
            init(*args, **config)

    return wrapper
