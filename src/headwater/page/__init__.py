"""HTML pages that need no other file: their style, pieces, tables and charts."""
