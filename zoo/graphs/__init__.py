"""Networks as graphs of other runtimes: how they are cut, the folder that holds them, running."""
