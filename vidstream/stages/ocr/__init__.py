"""Stages that read text."""
