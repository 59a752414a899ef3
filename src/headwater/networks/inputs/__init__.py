"""What networks see: images, scaled channels and linear estimates, computed from data and lead field."""
