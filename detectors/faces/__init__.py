"""Faces: finding them, their landmarks, whose they are."""
