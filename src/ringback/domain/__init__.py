"""The rules for caller IDs, validation calls and callbacks: pure values and functions."""
