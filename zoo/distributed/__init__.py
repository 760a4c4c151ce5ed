"""Ray, where one machine is not enough. Needs the ``distributed`` extra; imported on use only."""
