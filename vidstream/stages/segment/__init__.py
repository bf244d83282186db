"""Segmentation: a class for every pixel, foreground and background."""
