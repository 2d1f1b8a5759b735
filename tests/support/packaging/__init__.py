"""Packages, images and test suites of users."""
