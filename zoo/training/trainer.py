"""The training loop: steps, moving average, validation, checkpoints.

A run is a function of (spec, config, data). Examples, chosen conditions and dropout of step ``s``
depend on the seed and ``s`` alone, so a resumed run takes the same steps as one that never stopped.
"""

import time
from collections.abc import Callable, Sequence
from typing import Any

import torch
from accelerate import Accelerator
from torch import Tensor

from zoo.data import DecodedTrack, Example
from zoo.networks.network import SeparationNetwork
from zoo.records.reading import to_plain
from zoo.specs.loading import load_spec
from zoo.training.batches import StepSampler, load_batches, make_dataset
from zoo.training.checkpoints import latest_checkpoint, load_checkpoint, save_checkpoint
from zoo.training.config import TrainingConfig
from zoo.training.errors import TrainingError
from zoo.training.learning import fold, is_frozen, prepare_learning
from zoo.training.listeners import Listener
from zoo.training.optimization import make_ema, make_optimizer, use_channels_last
from zoo.training.run_folder import RunFolder
from zoo.training.schedules import rate_factor
from zoo.training.step import StepPlan, StepResult, train_step
from zoo.training.synced_batch_norm import sync_batch_norms
from zoo.training.validation import mean_scores, round_scores, validate

CHECKPOINT_FORMAT = 1


class Trainer:
    """Train one network.

    Args:
        model: A fresh network.
        config: How to train it.
        train_tracks: Decoded tracks to learn from.
        valid_tracks: Decoded tracks to choose by; may be empty.
        replay_tracks: Decoded tracks that the network had learnt from before; may be empty.
        folder: The run's folder; it exists.
        accelerator: Device, precision and processes.
        listeners: Who hears of the measurements, in the main process.
    """

    def __init__(
        self,
        model: SeparationNetwork,
        *,
        config: TrainingConfig,
        train_tracks: Sequence[DecodedTrack],
        valid_tracks: Sequence[DecodedTrack],
        replay_tracks: Sequence[DecodedTrack] = (),
        folder: RunFolder,
        accelerator: Accelerator,
        listeners: Sequence[Listener] = (),
    ) -> None:
        self.config = config
        self.folder = folder
        self.accelerator = accelerator
        self.spec = model.spec
        self.sources = tuple(model.sources)
        self._valid_tracks = valid_tracks
        self._listeners = listeners
        self._plan = StepPlan.of_run(self.spec, config)
        self._dataset = make_dataset(
            train_tracks,
            replay_tracks,
            sources=self._plan.learned,
            config=config.data,
            chunk_samples=self.spec.chunk_samples,
            seed=config.seed,
        )
        model = model.to(accelerator.device)
        if config.channels_last:
            use_channels_last(model)
        if accelerator.num_processes > 1:
            sync_batch_norms(model)
        prepare_learning(model, config.learn, kept=self._plan.kept)
        optimizer = make_optimizer(model, config.optimizer)
        self._bare_model = model
        self._ema = make_ema(model, decay=config.ema_decay)
        if config.compile:
            for part in model.parts:
                part.unet.compile(dynamic=False)
        self._model, self._optimizer = accelerator.prepare(model, optimizer)
        self.step, self.best = 0, float("-inf")
        self.stale_validations, self.seconds = 0, 0.0

    def restore(self, state: dict[str, Any]) -> None:
        """Take over a checkpoint's state.

        Raises:
            TrainingError: If the checkpoint is of another spec.
        """
        if load_spec(state["spec"]) != self.spec:
            raise TrainingError(
                f"the checkpoint is of spec {state['spec'].get('name')!r} "
                f"and this run trains {self.spec.name!r} with other blocks or sizes; "
                "resume with the spec of the checkpoint"
            )
        self._bare_model.load_state_dict(state["model"])
        self._ema.module.load_state_dict(state["ema"])
        if state["optimizer"] is not None:  # None: a branch has another optimizer
            self._optimizer.load_state_dict(state["optimizer"])
        self.step = state["step"]
        self.best = state["best"]
        self.stale_validations = state["stale_validations"]
        self.seconds = state["seconds"]

    def restore_latest(self) -> None:
        """Go on from the newest checkpoint of the run's folder."""
        self.restore(load_checkpoint(latest_checkpoint(self.folder.checkpoints)))
        if self.accelerator.is_main_process:
            self.folder.truncate_metrics(self.step)

    def run(self, *, should_stop: Callable[[], bool] = lambda: False) -> None:
        """Train until the schedule ends, patience runs out or ``should_stop`` says so.

        Raises:
            TrainingError: If a step fails; the last checkpoint stays as it was.
        """
        config, started = self.config, time.monotonic() - self.seconds
        interval = config.checkpoint_minutes * 60
        last_checkpoint = last_log = time.monotonic()
        losses: list[StepResult] = []
        devices = [self.accelerator.device] if self.accelerator.device.type == "cuda" else []
        with torch.random.fork_rng(devices=devices):
            if config.validate_start and self.step == 0:
                self._validate()
            for examples in self._load_batches():
                losses.append(self._take_step(examples))
                self.seconds = time.monotonic() - started
                if self.step % config.log_every == 0:
                    elapsed = time.monotonic() - last_log
                    self._log_losses(losses, seconds_per_step=elapsed / len(losses))
                    losses, last_log = [], time.monotonic()
                if self.step % config.validate_every == 0:
                    self._validate()
                    losses, last_log = [], time.monotonic()
                checkpoint_is_due = time.monotonic() - last_checkpoint > interval
                stop_is_due = should_stop() or self._patience_is_out()
                save, stop = self._agree(checkpoint_is_due, stop_is_due)
                if save:
                    self.save()
                    last_checkpoint = time.monotonic()
                if stop:
                    break
            else:
                if self.step % config.validate_every:
                    self._validate()
        self.save()

    def save(self) -> None:
        """Write a checkpoint and the newest averaged weights."""
        self.accelerator.wait_for_everyone()
        if not self.accelerator.is_main_process:
            return
        state = {
            "format": CHECKPOINT_FORMAT,
            "spec": self.spec.to_dict(),
            "config": to_plain(self.config),
            "step": self.step,
            "best": self.best,
            "stale_validations": self.stale_validations,
            "seconds": self.seconds,
            "model": self._bare_model.state_dict(),
            "ema": self._ema.module.state_dict(),
            "optimizer": self._optimizer.state_dict(),
        }
        save_checkpoint(state, self.folder.checkpoints, step=self.step)
        self._save_weights("last.safetensors")

    def _patience_is_out(self) -> bool:
        """Whether the last validations were no better than one before them."""
        return 0 < self.config.patience <= self.stale_validations

    def _agree(self, *wishes: bool) -> list[bool]:
        """Return for each wish whether any process has it, so that all do the same."""
        if self.accelerator.num_processes == 1:
            return list(wishes)
        votes = torch.tensor(wishes, dtype=torch.float32, device=self.accelerator.device)
        return [bool(vote) for vote in self.accelerator.reduce(votes, reduction="sum")]

    def _load_batches(self):
        sampler = StepSampler(
            self.step,
            self.config.schedule.total_steps,
            mixtures=self.config.mixtures,
            process=self.accelerator.process_index,
            num_processes=self.accelerator.num_processes,
        )
        return load_batches(
            self._dataset,
            sampler,
            workers=self.config.workers,
            pin_memory=self.accelerator.device.type == "cuda",
        )

    def _take_step(self, examples: Example) -> StepResult:
        """Take the next step; a failure names the step and what is left."""
        config = self.config
        self._model.train(not is_frozen(config.learn))
        torch.manual_seed((config.seed << 40) + (self.step << 8) + self.accelerator.process_index)
        rate = config.optimizer.learning_rate * rate_factor(self.step, config.schedule)
        for group in self._optimizer.param_groups:
            group["lr"] = rate * group.get("lr_scale", 1.0)
        share = len(examples.targets)
        first = self.step * config.mixtures + self.accelerator.process_index * share
        condition = self._plan.draw(first, share)
        try:
            result = train_step(
                self._model,
                self._optimizer,
                self._place(examples),
                None if condition is None else condition.to(self.accelerator.device),
                plan=self._plan,
                accelerator=self.accelerator,
            )
        except TrainingError as error:
            raise TrainingError(
                f"step {self.step}: {error}. The checkpoints in {self.folder.checkpoints} are as "
                "they were; resume from them, with a lower rate or a gradient clip if this recurs"
            ) from error
        self.step += 1
        self._ema.update(self._bare_model, step=self.step)
        return result

    def _place(self, examples: Example) -> Example:
        """Move examples to the device, less frequencies never estimated."""
        targets, known = (each.to(self.accelerator.device, non_blocking=True) for each in examples)
        if self.spec.stft.num_bins is not None:
            targets = self._bare_model.limit_band(targets.flatten(0, 1)).view_as(targets)
        return Example(targets, known)

    def _log_losses(self, results: Sequence[StepResult], *, seconds_per_step: float) -> None:
        """Write the mean of the last steps' measurements."""
        self._record(
            {
                "step": self.step,
                "seconds": round(self.seconds, 1),
                "loss": sum(result.loss for result in results) / len(results),
                "gradient_norm": sum(result.gradient_norm for result in results) / len(results),
                "learning_rate": self._optimizer.param_groups[0]["lr"],
                "seconds_per_step": round(seconds_per_step, 4),
            }
        )

    def _validate(self) -> None:
        """Score the averaged weights and keep them if they are the best so far."""
        if not self._valid_tracks:
            return
        if self.accelerator.is_main_process:
            scores = list(
                validate(
                    self._ema.module,
                    self._valid_tracks,
                    sources=self._plan.learned,
                    part_of=self.spec.part_of,
                    background=(*self.config.data.background, *self.config.data.sums),
                    sample_rate=self.spec.sample_rate,
                    seconds=self.config.validate_seconds,
                    separate=self.accelerator.autocast()(self._separate_learned),
                )
            )
            means = mean_scores(scores, sources=self._plan.learned)
            self.stale_validations += 1
            if means["mean"] > self.best:
                self.best, self.stale_validations = means["mean"], 0
                self._save_weights("weights.safetensors")
            self._record(
                {
                    "step": self.step,
                    "seconds": round(self.seconds, 1),
                    "sdr": round_scores(means),
                    "tracks": {score.name: round_scores(score.sdr) for score in scores},
                }
            )
            for listener in self._listeners:
                listener.write_scores(self.step, scores)
        self.accelerator.wait_for_everyone()

    def _save_weights(self, name: str) -> None:
        """Write the averaged weights."""
        network = self._ema.module
        self.folder.save_weights(name, fold(network, network.state_dict()), spec=self.spec)

    def _separate_learned(self, chunks: Tensor) -> Tensor:
        """Estimate the learnt sources by the averaged weights: (K, C, L) -> (K, S, C, L)."""
        return self._ema.module(chunks, sources=self._plan.learned)

    def _record(self, record: dict[str, Any]) -> None:
        """Write one line of measurements and show it."""
        if self.accelerator.is_main_process:
            self.folder.append_metrics(record)
            for listener in self._listeners:
                listener.write_record(record)
