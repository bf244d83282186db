"""The Ultralytics package, kept in a process of its own: importing it changes settings of all of it."""
