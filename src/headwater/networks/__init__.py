"""Networks that find sources."""
