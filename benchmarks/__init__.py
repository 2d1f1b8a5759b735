"""How fast ringback is, as a share of what a bare uvicorn can do on the same machine in the same minute."""
