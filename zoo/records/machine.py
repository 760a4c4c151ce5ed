"""What measured numbers depend on beside the code: processor, threads, versions."""

import os
import platform
from collections.abc import Iterable
from importlib import metadata
from typing import Any

__all__ = ["describe_machine", "package_versions"]

PACKAGES = (
    "torch",
    "torchaudio",
    "numpy",
    "timm",
    "soxr",
    "soundfile",
    "openvino",
    "onnxruntime",
    "onnx",
    "accelerate",
    "demucs",
    "lightsaft-zoo",
)


def package_versions(names: Iterable[str] = PACKAGES) -> dict[str, str]:
    """Return the versions of those of the named packages that are installed."""
    versions = {}
    for name in names:
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return versions


def describe_machine() -> dict[str, Any]:
    """Return processor, cores, threads of torch, system, Python and package versions."""
    import torch

    capabilities = getattr(torch.cpu, "get_capabilities", dict)()
    return {
        "cpu": capabilities.get("cpu_name") or platform.processor() or platform.machine(),
        "cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "bfloat16": bool(capabilities.get("amx_bf16") or capabilities.get("avx512_bf16")),
        "system": platform.platform(terse=True),
        "python": platform.python_version(),
        "packages": package_versions(),
    }
