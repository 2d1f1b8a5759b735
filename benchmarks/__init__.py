"""Benchmarks: the speed of ringback relative to a bare uvicorn on the same machine."""
