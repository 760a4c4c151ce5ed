"""The named errors of training."""


class TrainingError(RuntimeError):
    """A run that cannot start, go on or resume; says which file and what to do."""
