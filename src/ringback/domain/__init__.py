"""The rules of caller IDs, validation calls and callbacks: pure values and functions."""
