"""Layers of networks, with trainable weights."""
