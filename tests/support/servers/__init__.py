"""The command line and `ringback serve` processes."""
