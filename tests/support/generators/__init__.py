"""Programs that generate files and figures."""
