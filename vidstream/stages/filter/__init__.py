"""Stages that choose among objects."""
