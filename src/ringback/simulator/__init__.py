"""The background tasks that move validation calls, advance clocks and keep the database small."""
