"""Specs: networks as data, and the packaged ones as YAML."""
