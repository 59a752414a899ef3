"""The numbers behind the interactive page, prepared in Python and drawn by JavaScript."""
