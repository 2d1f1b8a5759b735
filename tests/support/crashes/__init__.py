"""Servers that are killed under load."""
