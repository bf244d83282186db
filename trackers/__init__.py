"""Follows things over time; knows nothing of graphs, YAML or picture files."""
