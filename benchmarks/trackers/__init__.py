"""Trackers beside those of others: accuracy on public ground truth, speed on drawn scenes.

``python -m benchmarks.trackers`` measures both, draws the plot and writes docs/trackers.md;
``accuracy``, ``speed`` and ``plot`` do one of it.
"""
