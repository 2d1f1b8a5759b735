"""The Twilio edge: what a client of Twilio's sees, and nothing else."""
