"""The oracle mask by the length of a frame."""

from signals import tone, write

from benchmarks import print_oracle


def test_close_tones_are_told_apart_by_long_frames_alone(tmp_path, capsys):
    for source, frequency in {"vocals": 2000, "drums": 5000, "bass": 100, "other": 112}.items():
        samples = tone(frequency, num_samples=88_200, gains=(0.1, 0.1))
        write(tmp_path / "song" / f"{source}.wav", samples)
    assert print_oracle.main(["--data", str(tmp_path), "--frames", "1024", "16384"]) == 0
    rows = [line.split("|")[1:-1] for line in capsys.readouterr().out.splitlines()[2:]]
    (short, *_), (long, *_) = ([float(c) for c in row[3:]] for row in rows)
    assert [row[0].strip() for row in rows] == ["1,024", "16,384"]
    assert long > short + 6
