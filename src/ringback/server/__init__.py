"""The HTTP server that runs the application: uvicorn, its protocol, worker processes and logging."""
