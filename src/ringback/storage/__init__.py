"""The rows: SQLAlchemy tables, statements compiled once, repositories that return domain values."""
