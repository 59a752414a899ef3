"""Inputs of networks, computed from data and lead field: images, scaled channels and linear estimates."""
