"""Linear algebra of small symmetric matrices and of source topographies."""
