"""What runs in other interpreters: imports nothing of this project, and no package before a job asks."""
