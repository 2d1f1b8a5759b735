"""Packages, images and users' test suites."""
