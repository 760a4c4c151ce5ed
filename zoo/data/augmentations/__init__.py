"""Augmentations of one source, by name."""
