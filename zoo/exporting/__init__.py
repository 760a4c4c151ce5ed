"""Exporting networks to other runtimes: formats, the folder, reduced precision and its cost."""

from zoo.exporting.formats import FORMATS, GraphFormat
from zoo.exporting.writing import export_network

__all__ = ["FORMATS", "GraphFormat", "export_network"]
