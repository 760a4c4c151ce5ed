"""A network's U-Net through OpenVINO: on CPUs several times as fast as through torch.

The U-Net is traced once, with frames left open, and kept as OpenVINO's own files in the cache, so
that later starts neither trace nor convert. The device's compiler then takes about half a second.

B: mixtures, Q: conditions, T: frames
"""

import importlib.util
import logging
import shutil
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

import zoo
from zoo.graphs.exported import ExportedNetwork
from zoo.networks.network import SeparationNetwork
from zoo.no_telemetry import import_openvino
from zoo.records.files import digest_of, partial_path, remove_stale_partials
from zoo.separation.backends.backend import BACKENDS
from zoo.separation.backends.openvino_core import compile_network, get_core, load_exported
from zoo.weights.digest import digest_tensors

if TYPE_CHECKING:
    import openvino

__all__ = ["OpenVinoBackend", "OpenVinoUNet", "is_installed"]

logger = logging.getLogger(__name__)

MODEL_FILE = "unet.xml"
CONVERSION = 2  # raise it where the same network is converted to other operations


def is_installed() -> bool:
    """Whether the openvino package is there."""
    return importlib.util.find_spec("openvino") is not None


class OpenVinoBackend:
    """Runs the U-Net of every part of a network, and exported ones, through OpenVINO on CPUs."""

    name = "openvino"
    rank = 10
    fills_last_chunk = True
    autocasts = False

    def version(self) -> str:
        """Return OpenVINO's version."""
        return import_openvino().__version__

    def obstacle(self, network: nn.Module, device: torch.device) -> str | None:
        """Return why it cannot run a network here; None if it can."""
        if device.type != "cpu":
            return f"it serves the CPU, not {device}"
        if isinstance(network, ExportedNetwork):
            if network.record.graph_format != "onnx":
                return f"it reads the format onnx, and {network.folder} is of another"
        elif not isinstance(network, SeparationNetwork):
            return f"it runs networks that zoo.build made, not {type(network).__name__}"
        return None if is_installed() else "it is not installed: pip install openvino"

    def fastest_precision(self, device: torch.device) -> torch.dtype:
        """Return bfloat16 where the CPU has instructions for it."""
        del device
        has_bfloat16 = "BF16" in get_core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")
        return torch.bfloat16 if has_bfloat16 else torch.float32

    def prepare(
        self,
        network: nn.Module,
        *,
        device: torch.device,
        precision: torch.dtype,
        cache: Path | None,
        may_fall_back: bool,
    ) -> nn.Module:
        """Put an :class:`OpenVinoUNet` in the place of each part's U-Net, or read its graphs."""
        del device
        if isinstance(network, ExportedNetwork):
            return load_exported(network, precision)
        assert isinstance(network, SeparationNetwork)
        for part in network.parts:
            replacement = OpenVinoUNet(
                part, precision=precision, cache=cache, may_fall_back=may_fall_back
            )
            part.unet = replacement  # pyright: ignore[reportAttributeAccessIssue]  # same call
        return network


class OpenVinoUNet(nn.Module):
    """Takes the place of a network's ``unet``.

    One call at a time, whose result is read before the next, as the network around it does: it is
    made for the inside of an :class:`~zoo.separation.engine.Engine`.

    Args:
        network: In eval mode; its U-Net is kept until it has been converted for every number of
            conditions asked for.
        precision: float32 or bfloat16.
        cache: Folder for converted networks; None keeps them in memory only.
        may_fall_back: Whether torch runs what OpenVINO does not know, with a warning, where an
            error would be raised otherwise.

    Raises:
        RuntimeError: In a call: a block that OpenVINO does not know.

    Shape:
        As :class:`zoo.networks.unet.UNet`.
    """

    def __init__(
        self,
        network: SeparationNetwork,
        *,
        precision: torch.dtype,
        cache: Path | None = None,
        may_fall_back: bool = False,
    ) -> None:
        super().__init__()
        self._unet = network.unet
        self._may_fall_back = may_fall_back
        self._frames = network.spec.frame_multiple
        version = import_openvino().__version__
        self._cache = None if cache is None else cache / _fingerprint(network, version)
        self._precision = precision
        self._is_given_up = False
        self._requests: dict[tuple[tuple[int, ...], int], openvino.InferRequest] = {}

    def forward(self, spectrogram: Tensor, condition: Tensor | None) -> Tensor:
        """Estimate the spectrogram of every condition; see the class for shapes."""
        if self._is_given_up:
            return self._unet(spectrogram, condition)
        batch = spectrogram.shape[0]
        num_conditions = 0 if condition is None else condition.shape[0] // batch
        shape = (1, *spectrogram.shape[1:])
        try:
            request = self._request(shape, condition, num_conditions)
        except RuntimeError as error:
            if not self._may_fall_back:
                raise
            logger.warning("OpenVINO cannot run this network, torch does: %s", error)
            self._is_given_up = True
            return self._unet(spectrogram, condition)
        estimates = []
        for index in range(batch):
            inputs = [spectrogram[index : index + 1].numpy()]
            if condition is not None:
                first = index * num_conditions
                inputs.append(condition[first : first + num_conditions].numpy())
            outputs = request.infer(inputs, share_inputs=True, share_outputs=True)
            estimate = torch.from_numpy(outputs[0])
            # The request owns the memory and writes there again in the next call.
            estimates.append(estimate if batch == 1 else estimate.clone())
        return estimates[0] if batch == 1 else torch.cat(estimates)

    def _request(
        self, shape: tuple[int, ...], condition: Tensor | None, num_conditions: int
    ) -> "openvino.InferRequest":
        key = (shape, num_conditions)
        if key not in self._requests:
            model = self._model(shape, condition, num_conditions)
            shapes: dict[int, list[int]] = {0: list(shape)}
            if condition is not None:
                shapes[1] = [num_conditions, condition.shape[1]]
            model.reshape(shapes)
            self._requests[key] = compile_network(model, self._precision)
        return self._requests[key]

    def _model(
        self, shape: tuple[int, ...], condition: Tensor | None, num_conditions: int
    ) -> "openvino.Model":
        """Read the converted U-Net from the cache, or convert it and put it there."""
        folder = None if self._cache is None else self._cache / str(num_conditions)
        if folder is not None and (folder / MODEL_FILE).is_file():
            try:
                return get_core().read_model(folder / MODEL_FILE)
            except RuntimeError:
                logger.warning("%s cannot be read; converting the network again", folder)
                shutil.rmtree(folder, ignore_errors=True)
        model = self._convert(shape, condition, num_conditions)
        if folder is not None:
            _store(model, folder)
        return model

    def _convert(
        self, shape: tuple[int, ...], condition: Tensor | None, num_conditions: int
    ) -> "openvino.Model":
        openvino = import_openvino()
        from openvino.frontend import FrontEndManager, OpConversionFailure
        from openvino.frontend.pytorch.ts_decoder import TorchScriptPythonDecoder

        example: list[Tensor] = [torch.zeros(1, shape[1], self._frames, shape[3])]
        shapes = [openvino.PartialShape([1, shape[1], -1, shape[3]])]
        if condition is not None:
            example.append(condition[:num_conditions].clone())
            shapes.append(openvino.PartialShape(list(example[1].shape)))
        network: nn.Module = self._unet if condition is not None else _Unconditioned(self._unet)
        with warnings.catch_warnings():
            # The tracer warns that sizes become constants; all but the frames are.
            warnings.simplefilter("ignore")
            traced = torch.jit.trace(network, tuple(example), check_trace=False)
            decoder = TorchScriptPythonDecoder(traced, skip_freeze=False)
        # Not openvino.convert_model: it sets the level of the root logger and counts its users.
        frontend = FrontEndManager().load_by_framework("pytorch")
        source = frontend.load(decoder)
        for place, partial_shape in zip(source.get_inputs(), shapes, strict=True):
            source.set_partial_shape(place, partial_shape)
            source.set_element_type(place, openvino.Type.f32)
        try:
            return frontend.convert(source)
        except OpConversionFailure as error:
            reason = str(error).strip().splitlines()[-1]
            raise RuntimeError(f"{reason}; use the backend 'torch'") from error


class _Unconditioned(nn.Module):
    """A U-Net without a condition, for the tracer, which knows no None."""

    def __init__(self, unet: nn.Module) -> None:
        super().__init__()
        self.unet = unet

    def forward(self, spectrogram: Tensor) -> Tensor:
        return self.unet(spectrogram, None)


def _fingerprint(network: SeparationNetwork, version: str) -> str:
    """Return what decides over a converted network, in short."""
    weights = digest_tensors(network.state_dict())
    return digest_of([network.spec.to_dict(), weights, zoo.__version__, version, CONVERSION])[:32]


def _store(model: Any, folder: Path) -> None:
    """Write a converted network; whoever comes second leaves the first one's in place."""
    partial = partial_path(folder)
    remove_stale_partials(folder.parent)
    try:
        partial.mkdir(parents=True)
        import_openvino().save_model(model, partial / MODEL_FILE, compress_to_fp16=False)
        partial.rename(folder)
    except OSError as error:
        logger.info("the converted network is not kept: %s", error)
        shutil.rmtree(partial, ignore_errors=True)


BACKENDS.add("openvino", OpenVinoBackend())
