"""From a manifest's entry to a verified file on this machine."""
