"""Reads a PostgreSQL catalog into a Schema."""
