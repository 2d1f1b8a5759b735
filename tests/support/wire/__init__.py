"""Clients and caller IDs of the contract tests."""
