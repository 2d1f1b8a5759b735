"""The control API under ``/_ringback/``: what a test does beside the Twilio surface."""
