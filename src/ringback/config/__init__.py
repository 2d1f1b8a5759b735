"""The checks of settings."""
