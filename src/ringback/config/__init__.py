"""Settings and the seed file, and the validators that they share with the control API."""
