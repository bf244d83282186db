"""Streaming video analytics: one YAML file per job, the same graph on a live camera and on a recording."""

__version__ = "0.1.0"
