"""Metrics and the writer of the log."""
