"""One function per API operation. Only these functions write to the database, each in one transaction."""
