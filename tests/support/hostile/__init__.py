"""Malformed and hostile requests and receivers."""
