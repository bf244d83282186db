"""Drawing for people: boxes, labels, trails, counters."""
