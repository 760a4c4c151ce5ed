"""How a network is trained, as frozen dataclasses; ``zoo.training.recipe`` reads them from YAML."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated

from zoo.data.mixing_config import MixingConfig
from zoo.records.bounds import OneOf
from zoo.training.learning import METHODS


@dataclass(frozen=True, slots=True, kw_only=True)
class OptimizerConfig:
    """The optimizer, one of timm's.

    Args:
        name: A name of timm's optimizer factory: ``adam``, ``adamw``, ``muon``, ``rmsprop``, ...
        learning_rate: The peak rate.
        weight_decay: Decoupled or not as the optimizer has it.
        options: Further arguments of that optimizer.
    """

    name: str = "adamw"
    learning_rate: float = 1e-3
    weight_decay: float = 0.0
    options: Mapping[str, float | bool | str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduleConfig:
    """How the learning rate goes.

    Args:
        name: ``constant`` (after the warm-up; a cool-down can be branched off at any step),
            ``cosine`` (from there to zero at the last step), ``linear`` (constant until
            ``start_step``, then along a line to zero) or ``cooldown`` (along a root, no warm-up).
        total_steps: Steps of the run.
        warmup_steps: Steps in which the rate climbs to its peak.
        start_step: The step at which a ``linear`` or ``cooldown`` schedule begins to fall.
    """

    name: str = "constant"
    total_steps: int = 100_000
    warmup_steps: int = 0
    start_step: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingConfig:
    """One training run.

    Args:
        model: Name of a spec, or the path of one.
        initial_weights: A file of ours or a repository on the Hub that the network starts from;
            empty starts it from random weights.
        initial_low_band: The same for the low band of a network that has one, trained as a network
            of its own (``Spec.low_band_spec``); ``initial_weights`` are then those of the network
            without it, and where both estimate, the new one begins with their mean.
        mixtures: Mixtures in a batch, over all processes.
        learn: What of the network learns, a name of ``zoo.training.learning.METHODS``: ``all``, or
            for new sources ``row``, ``low_rank`` or ``decoder``, which leave the rest as it is.
        learn_sources: The sources that it learns; empty means all. Other sources of the network are
            mixed in only where ``data.background`` names them.
        validate_start: Whether the weights that a run begins with are scored and kept as the best
            until better ones come; a run that only gets worse then changes nothing.
        sources_per_mixture: Conditions trained on each mixture; 0 means every source. They share
            the encoding where the network allows that.
        loss: Name of a loss.
        source_weights: What the loss of a source counts against that of one not named, which is 1.
        consistent_share: Share of the loss that is taken after mixture consistency, 0 to 1; only
            where every source of a mixture is trained on.
        optimizer: The optimizer.
        schedule: The learning rate's course.
        data: The examples.
        ema_decay: Decay of the moving average of the weights, which is what is validated and kept.
        gradient_clip: Largest norm of the gradient; 0 leaves it alone.
        precision: ``float32`` or ``bfloat16`` (autocast).
        channels_last: Whether convolutions see channels-last memory.
        compile: Whether the network's core is compiled (``torch.compile``, static shapes).
        workers: Processes that prepare examples; 0 prepares them in the training process.
        validate_every: Steps between two validations.
        validate_seconds: How much of the beginning of each item is validated, s; 0 means all.
        checkpoint_minutes: Minutes between two checkpoints.
        log_every: Steps between two lines of ``metrics.jsonl``.
        patience: Validations without a better score after which the run stops; 0 never stops.
        seed: Seed of weights and examples.
    """

    model: str
    initial_weights: str = ""
    initial_low_band: str = ""
    mixtures: int = 4
    learn: Annotated[str, OneOf("method", METHODS)] = "all"
    learn_sources: tuple[str, ...] = ()
    validate_start: bool = False
    sources_per_mixture: int = 0
    loss: str = "spec_mse"
    source_weights: Mapping[str, float] = field(default_factory=dict)
    consistent_share: float = 0.0
    optimizer: OptimizerConfig = field(default_factory=OptimizerConfig)
    schedule: ScheduleConfig = field(default_factory=ScheduleConfig)
    data: MixingConfig = field(default_factory=MixingConfig)
    ema_decay: float = 0.999
    gradient_clip: float = 0.0
    precision: str = "float32"
    channels_last: bool = False
    compile: bool = False
    workers: int = 0
    validate_every: int = 500
    validate_seconds: float = 60.0
    checkpoint_minutes: float = 5.0
    log_every: int = 20
    patience: int = 0
    seed: int = 0

    def __post_init__(self) -> None:
        """Refuse values that no run can have."""
        for name in ("mixtures", "validate_every", "log_every"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, got {getattr(self, name)}")
        if self.schedule.total_steps < 1:
            raise ValueError(
                f"schedule.total_steps must be at least 1, got {self.schedule.total_steps}"
            )
        if not 0.0 <= self.ema_decay < 1.0:
            raise ValueError(f"ema_decay must be in [0, 1), got {self.ema_decay}")
        if not 0.0 <= self.consistent_share <= 1.0:
            raise ValueError(f"consistent_share must be in [0, 1], got {self.consistent_share}")
        if any(not 0.0 <= weight < float("inf") for weight in self.source_weights.values()):
            raise ValueError(f"source_weights must be 0 or more, got {dict(self.source_weights)}")
        if self.consistent_share and (self.sources_per_mixture or self.data.background):
            raise ValueError(
                "consistent_share needs every source of the mixture: set sources_per_mixture to 0 "
                "and leave data.background empty"
            )
        if self.initial_low_band and not self.initial_weights:
            raise ValueError("initial_low_band needs initial_weights for the rest of the network")
        if self.precision not in ("float32", "bfloat16"):
            raise ValueError(f"precision must be float32 or bfloat16, got {self.precision!r}")
