"""Taking what applications send to Twilio here: a proxy, TLS with certificates of this machine's own, and refusals."""
