"""Contrastive learning: tell one image's views from all others."""
