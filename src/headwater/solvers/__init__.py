"""Inverse methods, one file a family."""
