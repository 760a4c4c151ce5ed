"""The LightSAFT zoo."""
