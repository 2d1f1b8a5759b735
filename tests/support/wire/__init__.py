"""Clients and rows of the contract tests."""
