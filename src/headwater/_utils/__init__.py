"""Utilities for every layer: errors, files, cache, progress."""
