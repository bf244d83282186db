"""Neural networks: engines that run them, and what goes in and comes out, per model family."""
