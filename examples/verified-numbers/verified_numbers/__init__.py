"""A service that verifies its users' phone numbers, so that it can use them as caller IDs."""
