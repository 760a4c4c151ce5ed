"""Condition generators: from a condition vector to the weights of the modulations.

Shapes: see the legend in ``blocks.stage``. A generator returns, for every stage that it serves,
a pair (weight, bias) of shapes (B * Q, num_weights) and (B * Q, channels).
"""

from collections.abc import Sequence

from torch import Tensor, nn
from torch.nn.utils.parametrizations import weight_norm

from blocks.layers import check_positive

GENERATORS = ("per_stage", "shared")


def expand_batch(x: Tensor, batch: int) -> Tensor:
    """Repeat every item of ``x`` so that its batch meets that of the conditions.

    What does not depend on the condition is computed once a mixture; this is where it fans out.

    Args:
        x: Features of any rank with a batch of B or already B * Q.
        batch: B * Q.

    Shape:
        (B, ...) -> (B * Q, ...), item b going to b * Q ... b * Q + Q - 1.

    Raises:
        ValueError: If ``batch`` is no multiple of the batch of ``x``.
    """
    if x.shape[0] == batch:
        return x
    return x.repeat_interleave(_repeats(batch, x.shape[0]), dim=0)


def add_shared(x: Tensor, shared: Tensor) -> Tensor:
    """Add to every condition what those of a mixture share, without repeating it in memory.

    Shape:
        x (B * Q, ...), shared (B or B * Q, ...) -> (B * Q, ...): x + expand_batch(shared, B * Q)

    Raises:
        ValueError: If the batch of ``x`` is no multiple of that of ``shared``.
    """
    if shared.shape[0] == x.shape[0] or shared.shape[0] == 1:
        return x + shared
    each = x.unflatten(0, (-1, _repeats(x.shape[0], shared.shape[0])))  # (B, Q, ...)
    return (each + shared[:, None]).flatten(0, 1)


def _repeats(conditions: int, mixtures: int) -> int:
    """Return Q, the conditions of each mixture."""
    # int(): while a network is traced for export, sizes are tensors, which divmod refuses.
    repeats, rest = divmod(int(conditions), int(mixtures))
    if rest:
        raise ValueError(f"{conditions} conditions cannot be shared out to {mixtures} mixtures")
    return repeats


def point_wise_generator(condition_dim: int, num_outputs: int) -> nn.Sequential:
    """Two weight-normed linear layers with ReLU between, as in the newer networks of the family.

    Shape:
        (B * Q, E) -> (B * Q, num_outputs)
    """
    return nn.Sequential(
        weight_norm(nn.Linear(condition_dim, condition_dim)),
        nn.ReLU(),
        weight_norm(nn.Linear(condition_dim, num_outputs)),
    )


class PerStageGenerator(nn.Module):
    """A generator of one stage's own: ``point_wise_generator`` to weight and bias at once.

    Source: the released LightSAFT-Net+ and LASAFT-Net-v2 configurations.

    Args:
        condition_dim: E.
        num_weights: Modulation weights of the stage.
        num_biases: Modulation biases of the stage.

    Shape:
        (B * Q, E) -> (B * Q, num_weights), (B * Q, num_biases)
    """

    def __init__(self, condition_dim: int, *, num_weights: int, num_biases: int) -> None:
        super().__init__()
        check_positive(condition_dim=condition_dim, num_weights=num_weights, num_biases=num_biases)
        self.sizes = [num_weights, num_biases]
        self.net = point_wise_generator(condition_dim, sum(self.sizes))

    def forward(self, condition: Tensor) -> tuple[Tensor, Tensor]:
        """Generate the stage's weight and bias."""
        weight, bias = self.net(condition).split(self.sizes, dim=-1)
        return weight, bias


class SharedGenerator(nn.Module):
    """One generator for the modulations of all decoder stages.

    Dense layers that double the width, each with ReLU and, from the second on, dropout and batch
    normalisation; then one linear head for all weights and one for all biases.
    Source: LaSAFT (arXiv 2010.11631), section 2.3 and the released configurations. The affine-free
    batch normalisation of the heads' outputs belongs to PoCM there and is absent with FiLM.

    Args:
        condition_dim: E.
        num_weights: Modulation weights of every stage, in the order of the stages.
        num_biases: Modulation biases of every stage.
        num_layers: Widths in the dense part, E included: E, 2E, ... 2**(num_layers - 1) E.
        dropout: Probability of dropping a feature while training.
        normalise: Whether the heads' outputs are batch-normalised.

    Shape:
        (B * Q, E) -> a list with a stage's (B * Q, num_weights), (B * Q, num_biases) an entry
    """

    def __init__(
        self,
        condition_dim: int,
        *,
        num_weights: Sequence[int],
        num_biases: Sequence[int],
        num_layers: int = 4,
        dropout: float = 0.5,
        normalise: bool = True,
    ) -> None:
        super().__init__()
        check_positive(condition_dim=condition_dim, num_layers=num_layers)
        self.num_weights, self.num_biases = list(num_weights), list(num_biases)
        layers: list[nn.Module] = []
        width = condition_dim
        for index in range(num_layers - 1):
            layers += [nn.Linear(width, 2 * width), nn.ReLU()]
            width *= 2
            if index > 0:
                layers += [nn.Dropout(dropout), nn.BatchNorm1d(width)]
        self.dense = nn.Sequential(*layers)
        self.weight_head = self._head(width, sum(self.num_weights), normalise=normalise)
        self.bias_head = self._head(width, sum(self.num_biases), normalise=normalise)

    @staticmethod
    def _head(width: int, num_outputs: int, *, normalise: bool) -> nn.Sequential:
        head = nn.Sequential(nn.Linear(width, num_outputs))
        if normalise:
            head.append(nn.BatchNorm1d(num_outputs, affine=False))
        return head

    def forward(self, condition: Tensor) -> list[tuple[Tensor, Tensor]]:
        """Generate every stage's weight and bias."""
        hidden = self.dense(condition)
        weights = self.weight_head(hidden).split(self.num_weights, dim=-1)
        biases = self.bias_head(hidden).split(self.num_biases, dim=-1)
        return list(zip(weights, biases, strict=True))
