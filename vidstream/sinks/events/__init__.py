"""sink.events: what happened, in a database that can be asked while it is written. See docs/events.md."""
