"""Libraries that tell their makers of their use are kept from it, before they are imported.

OpenVINO sends an event to Google Analytics whenever it is imported. Gradio and the Hub's library go
by environment variables, as does Ray, which reports the use of every cluster.
"""

import os
import sys
import threading
from types import ModuleType

__all__ = ["import_openvino", "import_ray", "switch_off_telemetry"]

VARIABLES = {"GRADIO_ANALYTICS_ENABLED": "False", "HF_HUB_DISABLE_TELEMETRY": "1"}
RAY_REPORTS = "RAY_USAGE_STATS_ENABLED"
OPENVINO_TELEMETRY = "openvino_telemetry"

_openvino_lock = threading.Lock()


def switch_off_telemetry() -> None:
    """Set the variables that gradio and the Hub's library read, unless the user has set them.

    It changes the environment of the whole process, so only our own programs call it.
    """
    for name, value in VARIABLES.items():
        os.environ.setdefault(name, value)


def import_openvino() -> ModuleType:
    """Import OpenVINO as if the package that sends its events were not installed.

    OpenVINO has a stub of its own for that case, and keeps it for the life of the process. Its
    other switches are a file in the user's home and the variables by which it knows CI.

    Raises:
        ImportError: OpenVINO is not installed.
    """
    with _openvino_lock:
        is_first = "openvino" not in sys.modules
        found = sys.modules.get(OPENVINO_TELEMETRY)
        if is_first:
            # An entry of None makes every import of that name fail.
            sys.modules[OPENVINO_TELEMETRY] = None  # pyright: ignore[reportArgumentType]
        try:
            import openvino
        finally:
            if is_first:
                del sys.modules[OPENVINO_TELEMETRY]
            if found is not None:
                sys.modules[OPENVINO_TELEMETRY] = found
    return openvino


def import_ray() -> ModuleType:
    """Import Ray, whose clusters then report nothing, unless the user has set the variable.

    Raises:
        ImportError: Ray is not installed; the message says how to.
    """
    os.environ.setdefault(RAY_REPORTS, "0")
    try:
        import ray
    except ImportError as error:
        raise ImportError(
            "this needs Ray: pip install 'lightsaft-zoo[distributed]' (or ray, fsspec and pyarrow)"
        ) from error
    return ray
