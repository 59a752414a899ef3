"""What every layer needs and no library has: errors, files, cache, progress."""
