"""New sources for a trained network: from examples with a training, or by a condition alone."""
