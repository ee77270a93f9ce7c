"""Publishes a judgement on GitHub: comment, check run, review, annotations."""
