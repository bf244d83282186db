"""Counting: lines, zones, objects."""
