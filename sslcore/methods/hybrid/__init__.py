"""Hybrids: several methods at once."""
