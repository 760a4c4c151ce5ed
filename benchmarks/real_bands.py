"""Voices over real music that nobody sings in: the second held-out set of the house weights.

    python -m benchmarks.real_bands split HOUSE TRAIN
    python -m benchmarks.real_bands score HOUSE --weights house [--pitches 1]

`HOUSE` is the folder of the house data. `split` links what may be trained on into the new folder
TRAIN: `train/` without the songs that `real_bands.yaml` holds out. `score` mixes each of those
with a held-out voice and prints the MDX SDR of the vocals, and how far the vocals stem of the song
alone, in which nobody sings, is under the song.
"""

import argparse
import os
import shutil
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import yaml

import zoo
from zoo.audio import read_audio, resample
from zoo.metrics import level_below, mdx_sdr
from zoo.records.tables import markdown_table

PLAN = Path(__file__).with_suffix(".yaml")


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """A held-out song and the voice that is mixed over it.

    Args:
        name: Song and voice.
        vocals: The voice, (2, N) float32, as loud as the plan says.
        accompaniment: The song, (2, N) float32.
    """

    name: str
    vocals: np.ndarray
    accompaniment: np.ndarray


def main(argv: Sequence[str] | None = None) -> int:
    """Link the training songs, or print the scores."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = parser.add_subparsers(dest="command", required=True)
    split = commands.add_parser("split", help="link what may be trained on")
    split.add_argument("house", type=Path)
    split.add_argument("train", type=Path)
    score = commands.add_parser("score", help="print scores on the held-out songs")
    score.add_argument("house", type=Path)
    score.add_argument("--model", default="lightsaft_tfctdf_small")
    score.add_argument("--weights", default="house")
    score.add_argument("--pitches", type=int, default=1)
    arguments = parser.parse_args(argv)
    plan = yaml.safe_load(PLAN.read_text(encoding="utf-8"))
    if arguments.command == "split":
        link_training_songs(plan, arguments.house / "train", arguments.train)
        return 0
    separator = zoo.Separator(arguments.model, weights=arguments.weights, pitches=arguments.pitches)
    print_scores(separator, held_out_pairs(plan, arguments.house, separator.spec.sample_rate))
    return 0


def link_training_songs(plan: dict, source: Path, target: Path) -> None:
    """Link all files but those of held-out songs; copy them where links cannot be made."""
    held_out = {*plan["scored"], *plan["left_out"]}
    for file in sorted(path for path in source.rglob("*") if path.is_file()):
        if held_out.isdisjoint(file.relative_to(source).parts):
            place = target / file.relative_to(source)
            place.parent.mkdir(parents=True, exist_ok=True)
            try:
                os.link(file, place)
            except OSError:
                shutil.copyfile(file, place)


def held_out_pairs(plan: dict, house: Path, sample_rate: int) -> Iterator[Pair]:
    """Yield every held-out song with its voice."""
    voices = plan["voices"]
    for index, song in enumerate(plan["scored"]):
        (file,) = (house / "train" / "accompaniment" / song).iterdir()
        accompaniment = _read(file, sample_rate)
        voice = voices[index % len(voices)]
        (file,) = (house / "valid" / voice).glob("vocals.*")
        start = index // len(voices) * plan["voice_step_seconds"] * sample_rate
        vocals = _read(file, sample_rate)[:, start:]
        length = min(vocals.shape[1], accompaniment.shape[1])
        vocals, accompaniment = vocals[:, :length], accompaniment[:, :length]
        gain_db = plan["voice_over_accompaniment_db"] + level_below(vocals, accompaniment)
        yield Pair(
            name=f"{song}, {voice}",
            vocals=vocals * np.float32(10 ** (gain_db / 20)),
            accompaniment=accompaniment,
        )


def print_scores(separator: zoo.Separator, pairs: Iterator[Pair]) -> None:
    """Print a line for each pair, then means and the worst song without a voice."""
    rows, rate = [], separator.spec.sample_rate
    for pair in pairs:
        mixture = pair.vocals + pair.accompaniment
        estimate = _vocals(separator, mixture, rate)
        silent = _vocals(separator, pair.accompaniment, rate)
        score = mdx_sdr(pair.vocals, estimate)
        rows.append((pair.name, score, level_below(silent, pair.accompaniment)))
        print(f"{rows[-1][0]}: {score:.2f} dB, {rows[-1][2]:.1f} dB under", file=sys.stderr)
    scores, levels = (np.array(column) for column in list(zip(*rows, strict=True))[1:])
    rows.append(("mean", scores.mean(), levels.mean()))
    rows.append(("worst", scores.min(), levels.min()))
    print(
        markdown_table(
            ("song, voice", "vocals (MDX SDR, dB)", "vocals without a voice (dB under the song)"),
            [(name, f"{score:.2f}", f"{level:.1f}") for name, score, level in rows],
            align=("left", "right", "right"),
        )
    )


def _vocals(separator: zoo.Separator, song: np.ndarray, rate: int) -> np.ndarray:
    return separator((song, rate), sources=["vocals"]).stems["vocals"]


def _read(file: Path, sample_rate: int) -> np.ndarray:
    audio, rate = read_audio(file)
    audio = resample(audio, from_rate=rate, to_rate=sample_rate)
    return np.broadcast_to(audio, (2, audio.shape[1]))


if __name__ == "__main__":
    sys.exit(main())
