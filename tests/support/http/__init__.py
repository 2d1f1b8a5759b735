"""HTTP without a server or a socket."""
