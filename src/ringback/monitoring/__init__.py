"""Metrics and the log writer."""
