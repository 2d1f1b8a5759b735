"""The phone page in a browser."""
