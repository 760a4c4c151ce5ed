"""Training: recipes, losses, runs that stop and go on."""
