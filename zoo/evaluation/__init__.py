"""Evaluation by the field's protocols: how good a separation is, and how sure that is.

``session.EvaluationSession`` is the whole of it. ``runner.evaluate`` scores systems on tracks,
``summary.summarise`` aggregates the scores with bootstrap intervals, ``report`` and ``plot`` show
them; ``metrics`` are plain functions of arrays that know no model. Nothing is imported here, so
that the command line answers ``--help`` at once.
"""
