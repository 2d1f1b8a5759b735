"""A Docker engine for the tests, with base images made from Debian packages: no image registry is needed."""
