"""Masked prediction: fill in what was hidden."""
