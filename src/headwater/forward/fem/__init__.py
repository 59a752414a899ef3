"""Finite elements: potentials and fields in a head of any number of tissues."""
