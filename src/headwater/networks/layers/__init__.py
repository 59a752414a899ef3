"""Parts with trainable weights that networks are built from."""
