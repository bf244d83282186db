"""Alerts: when what is counted, seen or told deserves somebody's attention."""
