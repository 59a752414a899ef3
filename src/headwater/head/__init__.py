"""Heads: the template, a subject's, and variations of either."""
