"""What networks are trained for."""
