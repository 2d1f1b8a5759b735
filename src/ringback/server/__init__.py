"""The HTTP server around the application: uvicorn, its protocol, worker processes and the log."""
