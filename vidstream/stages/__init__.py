"""What is done to pictures: one folder per family."""
