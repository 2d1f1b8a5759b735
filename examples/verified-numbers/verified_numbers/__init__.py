"""A service whose users verify their phone numbers, so that it may show them as caller ID."""
