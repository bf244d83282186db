"""Stages that find objects in a picture."""
