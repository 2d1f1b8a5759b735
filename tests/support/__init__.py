"""Shared test code: servers, clients, receivers, databases, clocks and generators."""
