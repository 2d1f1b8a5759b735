"""The emulated Twilio API: routes, authentication, parameters and representations."""
