"""Turns a judgement into text."""
