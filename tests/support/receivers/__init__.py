"""Receivers of StatusCallbacks."""
