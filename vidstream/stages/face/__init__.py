"""Faces: their landmarks, whose they are, and hiding them."""
