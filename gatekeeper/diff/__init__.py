"""Compares two schemas."""
