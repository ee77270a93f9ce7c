"""Alembic projects, run by their own alembic in their own interpreter."""
