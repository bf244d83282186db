"""Finds things in one picture or a batch; knows nothing of graphs, YAML or time."""
