"""Redundancy reduction: agree, and use every dimension."""
