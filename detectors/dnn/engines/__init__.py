"""What runs networks: OpenCV first, others behind the same contract."""
