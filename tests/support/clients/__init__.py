"""HTTP clients and applications of other languages."""
