"""Networks of other packages as rows on the same data, each through one small adapter.

The packages are optional and imported when a baseline is asked for. Their own loaders find (or
download) their weights; this module says clearly what is missing when they cannot.

Shape legend: C channels, N samples, S sources.
"""

import pickle
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.metadata import version

import numpy as np

from blocks.registry import Registry
from zoo.errors import WeightsError
from zoo.evaluation.baseline_networks import (
    LoadedBaseline,
    demucs_loader,
    hdemucs_high_loader,
    load_demucs48_hq,
    load_xumx,
    umx_loader,
)
from zoo.records.files import digest_of
from zoo.weights.digest import digest_tensors


class BaselineError(WeightsError):
    """A baseline whose package or weights cannot be had; the message says how to get them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Baseline:
    """How to get one published network from its package.

    Args:
        title: What heads its row.
        package: The Python package that has it.
        install: What to type if the package is missing.
        weights: Where its weights come from, for the message when they cannot be had.
        load: Imports the package and loads the network.
    """

    title: str
    package: str
    install: str
    weights: str
    load: Callable[[], LoadedBaseline]


class BaselineSystem:
    """A baseline as a system that can be evaluated.

    Mono mixtures go in on both channels and the mean of the two comes back; other sample rates are
    converted there and back.

    Args:
        baseline: Which network.

    Raises:
        BaselineError: If its package is not installed or its weights cannot be had.
    """

    def __init__(self, baseline: Baseline) -> None:
        self.name = baseline.title
        self._loaded = _load(baseline)
        self.sources = self._loaded.sources
        self.fingerprint = digest_of(
            {
                "baseline": baseline.title,
                "package": f"{baseline.package} {version(baseline.package)}",
                "weights": digest_tensors(self._loaded.network.state_dict()),
            }
        )

    def separate(self, mixture: np.ndarray, *, sample_rate: int) -> Mapping[str, np.ndarray]:
        """Estimate every source of a mixture (C, N), each (C, N) at the mixture's rate.

        Raises:
            ValueError: If the mixture has more than two channels.
        """
        import torch

        from zoo.audio import resample

        num_channels, num_samples = mixture.shape
        if num_channels > 2:
            raise ValueError(f"{self.name} takes mono or stereo, got {num_channels} channels")
        rate = self._loaded.sample_rate
        stereo = np.broadcast_to(mixture, (2, num_samples))
        stereo = resample(np.ascontiguousarray(stereo), from_rate=sample_rate, to_rate=rate)
        with torch.inference_mode():
            estimates = self._loaded.separate_stereo(torch.from_numpy(stereo)).numpy()  # (S, 2, N)
        separated = {}
        for source, estimate in zip(self.sources, estimates, strict=True):
            back = resample(estimate, from_rate=rate, to_rate=sample_rate)
            back = back[:, :num_samples] if num_channels == 2 else back.mean(axis=0)[None]
            separated[source] = np.ascontiguousarray(back[:, :num_samples])
        return separated


def load_baseline(name: str) -> BaselineSystem:
    """Load a baseline by its name.

    Raises:
        UnknownNameError: If there is no such baseline.
        BaselineError: If its package is not installed or its weights cannot be had.
    """
    return BaselineSystem(BASELINES[name])


def _load(baseline: Baseline) -> LoadedBaseline:
    """Load a baseline, and say what to do where that fails."""
    try:
        return baseline.load()
    except ImportError as error:
        raise BaselineError(
            f"{baseline.title} needs the {baseline.package} package ({error}); {baseline.install}"
        ) from error
    except (OSError, RuntimeError, pickle.UnpicklingError) as error:
        raise BaselineError(
            f"the weights of {baseline.title} could not be had: {error}. They come from "
            f"{baseline.weights}; connect once to the internet, or copy that cache from a machine "
            "that has it"
        ) from error


BASELINES: Registry[Baseline] = Registry("baseline")
_DEMUCS_CACHE = "the Hugging Face Hub or dl.fbaipublicfiles.com, through the demucs package"
for _name, _title in (
    ("htdemucs", "HT Demucs"),
    ("htdemucs_ft", "HT Demucs (fine-tuned)"),
    ("hdemucs", "Hybrid Demucs (hdemucs_mmi)"),
):
    BASELINES.add(
        _name,
        Baseline(
            title=_title,
            package="demucs",
            install="pip install demucs",
            weights=_DEMUCS_CACHE,
            load=demucs_loader("hdemucs_mmi" if _name == "hdemucs" else _name),
        ),
    )
BASELINES.add(
    "demucs48_hq",
    Baseline(
        title="Demucs48-HQ",
        package="demucs",
        install="pip install 'demucs<3' (in an environment of its own: newer ones dropped it)",
        weights="dl.fbaipublicfiles.com, through the demucs package",
        load=load_demucs48_hq,
    ),
)
for _name, _title in (("umx", "UMX"), ("umxhq", "UMX-HQ"), ("umxl", "UMX-L")):
    BASELINES.add(
        _name,
        Baseline(
            title=_title,
            package="openunmix",
            install="pip install openunmix",
            weights="zenodo.org, through torch.hub's cache",
            load=umx_loader(_name),
        ),
    )
BASELINES.add(
    "xumx",
    Baseline(
        title="X-UMX",
        package="asteroid",
        install=(
            "pip install --no-deps asteroid asteroid-filterbanks (it pins an old torchmetrics, so "
            "without its dependencies) and what it then asks for"
        ),
        weights="zenodo.org, through the asteroid package's cache",
        load=load_xumx,
    ),
)
for _name, _title, _bundle in (
    ("hdemucs_high", "Hybrid Demucs (torchaudio, MUSDB-HQ)", "HDEMUCS_HIGH_MUSDB"),
    (
        "hdemucs_high_plus",
        "Hybrid Demucs (torchaudio, MUSDB-HQ + 150 songs)",
        "HDEMUCS_HIGH_MUSDB_PLUS",
    ),
):
    BASELINES.add(
        _name,
        Baseline(
            title=_title,
            package="torchaudio",
            install="pip install torchaudio",
            weights="download.pytorch.org, through torch.hub's cache",
            load=hdemucs_high_loader(_bundle),
        ),
    )
