"""The oracle mask by the length of a frame."""

import numpy as np
import soundfile

from benchmarks import print_oracle

RATE = 44100


def test_close_tones_are_told_apart_by_long_frames_alone(tmp_path, capsys):
    times = np.arange(2 * RATE) / RATE
    for source, frequency in {"vocals": 2000, "drums": 5000, "bass": 100, "other": 112}.items():
        (tmp_path / "song").mkdir(exist_ok=True)
        wave = 0.1 * np.sin(2 * np.pi * frequency * times)
        soundfile.write(tmp_path / "song" / f"{source}.wav", np.stack([wave, wave], 1), RATE)
    assert print_oracle.main(["--data", str(tmp_path), "--frames", "1024", "16384"]) == 0
    rows = [line.split("|")[1:-1] for line in capsys.readouterr().out.splitlines()[2:]]
    (short, *_), (long, *_) = ([float(c) for c in row[3:]] for row in rows)
    assert [row[0].strip() for row in rows] == ["1,024", "16,384"]
    assert long > short + 6
