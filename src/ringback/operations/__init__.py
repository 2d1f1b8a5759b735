"""One function per API operation. Only these write, each in one transaction."""
