"""Simulations and applications inside the test's process."""
