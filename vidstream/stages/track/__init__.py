"""Stages that follow objects over time."""
