"""ONNX graphs whose weights are stored in half precision and computed with in full.

Half of a graph's bytes are then not sent. Rounding changes the stems by less than a thousandth of
their level: tests/browser/test_static_sound.py holds them to that.
"""

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import onnx

__all__ = ["store_halves"]

FEWEST_VALUES = 256  # of smaller tensors the cast costs more than it saves
SUFFIX = ".half"


def store_halves(model: "onnx.ModelProto") -> int:
    """Replace a graph's large float32 weights by float16 ones and casts, in place.

    A weight that half precision cannot hold stays as it is.

    Returns:
        The number of weights replaced.
    """
    from onnx import TensorProto, helper, numpy_helper

    casts = []
    for tensor in model.graph.initializer:
        if tensor.data_type != TensorProto.FLOAT:
            continue
        values = numpy_helper.to_array(tensor)
        if values.size < FEWEST_VALUES or np.abs(values).max() > np.finfo(np.float16).max:
            continue
        name = tensor.name
        tensor.CopyFrom(numpy_helper.from_array(values.astype(np.float16), name + SUFFIX))
        casts.append(helper.make_node("Cast", [name + SUFFIX], [name], to=TensorProto.FLOAT))
    nodes = list(model.graph.node)
    del model.graph.node[:]
    model.graph.node.extend([*casts, *nodes])
    return len(casts)
