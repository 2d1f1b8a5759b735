"""HTTP clients and applications in other languages."""
