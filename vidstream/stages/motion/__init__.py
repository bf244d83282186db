"""Stages that measure motion."""
