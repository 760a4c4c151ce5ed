"""Saving a network as a repository of the Hugging Face Hub, and pushing it there.

A repository of ours is one safetensors file that rebuilds the network, the spec to read, and a
model card. ``zoo.build`` loads one; nothing in it is ever executed.
"""

import copy
import tempfile
from pathlib import Path

import torch
import yaml
from huggingface_hub import HfApi
from huggingface_hub.errors import HfHubHTTPError, HFValidationError

from zoo.errors import WeightsError, WeightsUnavailableError
from zoo.networks.info import count_parameters
from zoo.networks.network import SeparationNetwork
from zoo.publishing.card_picture import render_picture
from zoo.publishing.cards import PICTURE_FILE, render_card
from zoo.records.files import write_whole
from zoo.weights.checkpoints import write_safetensors
from zoo.weights.entries import WeightsEntry
from zoo.weights.fetching.hub_files import HUB_HEADERS, TRANSPORT_ERROR
from zoo.weights.references import WEIGHTS_FILE
from zoo.weights.settings import read_settings

__all__ = ["check_storage", "push_to_hub", "save_pretrained", "storage_error"]

MAX_STORAGE_ERROR = 5e-3  # a tenth of what bfloat16 arithmetic changes
SPEC_FILE = "spec.yaml"
CARD_FILE = "README.md"


def save_pretrained(
    network: SeparationNetwork,
    folder: str | Path,
    *,
    entry: WeightsEntry | None = None,
    dtype: torch.dtype = torch.float32,
    repo_id: str | None = None,
    picture: bool = True,
) -> Path:
    """Write weights, spec and model card to a folder, which is made if needed.

    Args:
        network: The network.
        folder: The folder; ``zoo.build(folder)`` rebuilds the network from it.
        entry: Licence, training data, credits and metrics to carry, by default those of the
            weights that the network was built with.
        dtype: How matrices are stored, float32, or float16 where that changes no output by more
            than 5e-3 of its RMS.
        repo_id: ``user/name`` for the card's example.
        picture: Whether to separate the packaged example and draw its spectrograms.

    Raises:
        WeightsError: If float16 does not do for these weights.
    """
    entry = entry or network.weights_entry
    check_storage(network, dtype)
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    write_safetensors(
        folder / WEIGHTS_FILE, network.state_dict(), spec=network.spec, entry=entry, dtype=dtype
    )
    write_whole(folder / SPEC_FILE, yaml.safe_dump(network.spec.to_dict(), sort_keys=False))
    if picture:
        write_whole(folder / PICTURE_FILE, render_picture(network))
    card = render_card(
        network.spec,
        entry,
        num_parameters=count_parameters(network),
        repo_id=repo_id,
        with_picture=picture,
    )
    write_whole(folder / CARD_FILE, card)
    return folder


def push_to_hub(
    network: SeparationNetwork,
    repo_id: str,
    *,
    entry: WeightsEntry | None = None,
    dtype: torch.dtype = torch.float32,
    private: bool | None = None,
    token: str | None = None,
    commit_message: str = "Upload weights, spec and model card",
) -> str:
    """Publish a network as a model repository of the Hub and return its address.

    Args:
        network: The network.
        repo_id: ``user/name``; made if it does not exist.
        entry: As for :func:`save_pretrained`; without one there is no licence, and the push is
            refused.
        dtype: As for :func:`save_pretrained`.
        private: Whether a new repository is private, by default the account's setting.
        token: Access token, by default the one that was logged in with.
        commit_message: Subject of the commit.

    Raises:
        WeightsError: If no licence and training data are stated, if float16 does not do, or if
            the Hub refuses; the message says what to do.
        WeightsUnavailableError: If the Hub cannot be reached.
    """
    entry = entry or network.weights_entry
    if entry is None:
        raise WeightsError(
            "what is published needs a licence and a word on its training data; give "
            "entry=zoo.WeightsEntry(spec=..., tag=..., licence=..., training_data=...)"
        )
    with tempfile.TemporaryDirectory(prefix="lightsaft-zoo-") as folder:
        save_pretrained(network, folder, entry=entry, dtype=dtype, repo_id=repo_id)
        return _push_folder(
            Path(folder), repo_id, private=private, token=token, commit_message=commit_message
        )


def _push_folder(
    folder: Path, repo_id: str, *, private: bool | None, token: str | None, commit_message: str
) -> str:
    """Make the repository if needed, upload the folder in one commit, return the address."""
    settings = read_settings()
    if settings.offline:
        raise WeightsUnavailableError("offline mode is on (HF_HUB_OFFLINE): nothing was pushed")
    api = HfApi(endpoint=settings.endpoint, token=token, headers=HUB_HEADERS)
    try:
        url = api.create_repo(repo_id, private=private, exist_ok=True)
        api.upload_folder(repo_id=url.repo_id, folder_path=folder, commit_message=commit_message)
    except HFValidationError as error:
        raise WeightsError(f"expected a repository as user/name: {error}") from error
    except HfHubHTTPError as error:
        raise WeightsError(
            f"the Hub refused the push to {repo_id}: {error}. Log in with 'hf auth login' using a "
            "token that may write"
        ) from error
    except (TRANSPORT_ERROR, OSError) as error:
        raise WeightsUnavailableError(f"the Hub cannot be reached: {error}") from error
    return str(url)


def storage_error(network: SeparationNetwork, dtype: torch.dtype) -> float:
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


def check_storage(network: SeparationNetwork, dtype: torch.dtype) -> None:
    """Refuse a storage type that changes what the network puts out.

    Raises:
        WeightsError: If an output changes by more than 5e-3 of its RMS.
    """
    if dtype == torch.float32:
        return
    error = storage_error(network, dtype)
    if not error <= MAX_STORAGE_ERROR:
        raise WeightsError(
            f"stored as {dtype}, the outputs of {network.spec.name} change by {error:.1e} of their "
            f"RMS; at most {MAX_STORAGE_ERROR:.0e} is allowed. Store them as float32"
        )
