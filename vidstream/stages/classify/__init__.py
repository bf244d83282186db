"""What pictures, and the objects in them, show."""
