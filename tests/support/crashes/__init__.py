"""Load tests of servers that are killed."""
