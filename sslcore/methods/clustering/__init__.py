"""Clustering: sort images into groups that their views agree on."""
