"""What every layer needs and no library has: errors, files, cache, progress."""

from headwater._utils.errors import InputError

__all__ = ["InputError"]
