"""YAML text to a checked description: marks, substitution, includes, errors."""
