"""One plain function an API operation; they alone write, each within one transaction."""
