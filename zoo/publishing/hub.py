"""What a network can do with the Hugging Face Hub: be saved as a repository, and be pushed.

A repository of ours is one safetensors file that rebuilds the network, the spec to read, and a
model card. Loading one is :func:`zoo.weights.resolving.load_pretrained`; nothing in it is ever
executed.
"""

import copy
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, cast

import torch
import yaml

from zoo.errors import WeightsError
from zoo.specs.spec import Spec
from zoo.weights.entries import WeightsEntry

if TYPE_CHECKING:
    from zoo.networks.network import SeparationNetwork

__all__ = ["HubModel", "check_storage", "storage_error"]

MAX_STORAGE_ERROR = 1e-3
SPEC_FILE = "spec.yaml"
CARD_FILE = "README.md"


class HubModel:
    """Saving and publishing, for a network that has a ``spec``.

    Attributes:
        spec: The network as data.
        weights_entry: Licence, training data, credits and metrics of the weights that it was built
            with, None for fresh ones.
    """

    spec: Spec
    weights_entry: WeightsEntry | None = None

    def save_pretrained(
        self,
        folder: str | Path,
        *,
        entry: WeightsEntry | None = None,
        dtype: torch.dtype = torch.float32,
        repo_id: str | None = None,
        picture: bool = True,
    ) -> Path:
        """Write weights, spec and model card to a folder, which is made if needed.

        Args:
            folder: The folder; ``zoo.build(folder)`` rebuilds the network from it.
            entry: Licence, training data, credits and metrics to carry, by default those of the
                weights that the network was built with.
            dtype: How matrices are stored, float32, or float16 where that changes no output by more
                than 1e-3 of its RMS.
            repo_id: ``user/name`` for the card's example.
            picture: Whether to separate the packaged example and draw its spectrograms.

        Raises:
            WeightsError: If float16 does not do for these weights.
        """
        from zoo.publishing.card_picture import render_picture
        from zoo.publishing.cards import PICTURE_FILE, render_card
        from zoo.weights.checkpoints import write_safetensors
        from zoo.weights.fetching.resolution import WEIGHTS_FILE

        network = cast("SeparationNetwork", self)
        entry = entry or self.weights_entry
        check_storage(network, dtype)
        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        write_safetensors(
            folder / WEIGHTS_FILE, network.state_dict(), spec=self.spec, entry=entry, dtype=dtype
        )
        plain = yaml.safe_dump(self.spec.to_dict(), sort_keys=False)
        (folder / SPEC_FILE).write_text(plain, encoding="utf-8")
        if picture:
            (folder / PICTURE_FILE).write_bytes(render_picture(network))
        card = render_card(
            self.spec,
            entry,
            num_parameters=sum(p.numel() for p in network.parameters() if p.requires_grad),
            repo_id=repo_id,
            with_picture=picture,
        )
        (folder / CARD_FILE).write_text(card, encoding="utf-8")
        return folder

    def push_to_hub(
        self,
        repo_id: str,
        *,
        entry: WeightsEntry | None = None,
        dtype: torch.dtype = torch.float32,
        private: bool | None = None,
        token: str | None = None,
        commit_message: str = "Upload weights, spec and model card",
    ) -> str:
        """Publish the network as a model repository of the Hub and return its address.

        Args:
            repo_id: ``user/name``; made if it does not exist.
            entry: As for :meth:`save_pretrained`; without one there is no licence, and the push is
                refused.
            dtype: As for :meth:`save_pretrained`.
            private: Whether a new repository is private, by default the account's setting.
            token: Access token, by default the one that was logged in with.
            commit_message: Subject of the commit.

        Raises:
            WeightsError: If no licence and training data are stated, if float16 does not do, or if
                the Hub refuses or cannot be reached.
        """
        from zoo.publishing.push import push_folder

        entry = entry or self.weights_entry
        if entry is None:
            raise WeightsError(
                "what is published needs a licence and a word on its training data; give "
                "entry=WeightsEntry(spec=..., tag=..., licence=..., training_data=...)"
            )
        with tempfile.TemporaryDirectory(prefix="lightsaft-zoo-") as folder:
            self.save_pretrained(folder, entry=entry, dtype=dtype, repo_id=repo_id)
            return push_folder(
                Path(folder), repo_id, private=private, token=token, commit_message=commit_message
            )


def storage_error(network: "SeparationNetwork", dtype: torch.dtype) -> float:
    """Return what storing matrices as ``dtype`` does to the outputs, relative to their RMS.

    The input is one chunk of fixed noise; the figure is that of the worst source.

    Args:
        network: The network; it is left as it was.
        dtype: A floating-point type.
    """
    rounded = copy.deepcopy(network).cpu().float().eval()
    exact = copy.deepcopy(rounded)
    with torch.no_grad():
        for tensor in rounded.state_dict().values():
            if tensor.is_floating_point() and tensor.ndim > 1:
                tensor.copy_(tensor.to(dtype))
        spec = network.spec
        generator = torch.Generator().manual_seed(0)
        noise = torch.randn(1, spec.channels, spec.chunk_samples, generator=generator)
        expected, got = exact(0.1 * noise), rounded(0.1 * noise)  # (1, S, C, N)
    rms = expected.square().mean(dim=(0, 2, 3)).sqrt()
    error = (got - expected).square().mean(dim=(0, 2, 3)).sqrt()
    return float((error / rms.clamp_min(1e-12)).max())


def check_storage(network: "SeparationNetwork", dtype: torch.dtype) -> None:
    """Refuse a storage type that changes what the network puts out.

    Raises:
        WeightsError: If an output changes by more than 1e-3 of its RMS.
    """
    if dtype == torch.float32:
        return
    error = storage_error(network, dtype)
    if not error <= MAX_STORAGE_ERROR:
        raise WeightsError(
            f"stored as {dtype}, the outputs of {network.spec.name} change by {error:.1e} of their "
            f"RMS; at most {MAX_STORAGE_ERROR:.0e} is allowed. Store them as float32"
        )
