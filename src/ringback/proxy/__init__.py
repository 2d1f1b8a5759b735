"""The forward proxy that intercepts requests to Twilio: listeners, certificates and tunnels."""
