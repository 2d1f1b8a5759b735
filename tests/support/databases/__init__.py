"""Databases for tests: SQLite files and PostgreSQL servers."""
