"""Load tests in which servers are killed."""
