"""The parts of ``zoo.Separator``: loading, the pipeline of blocks, results and files."""
