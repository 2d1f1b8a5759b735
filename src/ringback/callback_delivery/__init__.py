"""The sender of StatusCallbacks: claims, attempts, retries, and the HTTP client that sends them."""
