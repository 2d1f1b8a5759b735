"""The database: tables, repositories and transactions, on SQLite and PostgreSQL."""
