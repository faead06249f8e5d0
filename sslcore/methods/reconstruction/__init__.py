"""Reconstruction: rebuild the image, learn what it is made of."""
