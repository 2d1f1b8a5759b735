"""ringback: a local stand-in for Twilio's OutgoingCallerIds REST API."""

__version__ = "0.1.0"
