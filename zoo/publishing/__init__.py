"""From a network to a Hugging Face Hub repository with a model card."""
