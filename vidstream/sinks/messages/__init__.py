"""Sinks that send messages: to an MQTT broker, to a web server. What cannot be sent yet waits on disk."""
