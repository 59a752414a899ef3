"""Figures and the HTML page that show a localisation."""
