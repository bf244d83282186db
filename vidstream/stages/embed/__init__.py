"""What objects look like, as vectors."""
