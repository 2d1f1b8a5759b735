"""Background tasks that advance validation calls, advance account clocks, and keep the database small."""
