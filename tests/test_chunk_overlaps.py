import pytest
from signals import chirp, noise, write

from benchmarks import chunk_overlaps


def test_the_table(tmp_path, capsys):
    song = tmp_path / "song"
    song.mkdir()
    write(song / "vocals.wav", chirp(seconds=2.0))
    for seed, source in enumerate(("drums", "bass", "other")):
        write(song / f"{source}.wav", noise(88200, peak=0.2, seed=seed))
    command = [str(tmp_path), "--model", "lightsaft_tfctdf_tiny", "--weights", "test"]
    command += ["--cuts", "128,12,7", "512,0,0"]
    assert chunk_overlaps.main(command) == 0
    lines = capsys.readouterr().out.splitlines()
    short, long = ([cell.strip() for cell in line.strip("| ").split("|")] for line in lines[2:])
    assert short[:4] == ["128", "12", "7", f"{128 / 96:.2f}"]
    assert long[:4] == ["512", "0", "0", f"{512 / 511:.2f}"]
    # Two seconds fit in the long chunk; where songs are cut changes little.
    scores = [[float(score) for score in row[4:]] for row in (short, long)]
    assert len(scores[0]) == 4
    assert scores[0] == pytest.approx(scores[1], abs=1.0)
