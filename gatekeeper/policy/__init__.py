"""Loads policies and judges facts by them."""
