"""The curves of a training in several runs."""

import json

import pytest

from benchmarks import draw_training


def write_run(path, steps, level):
    path.mkdir()
    lines = [{"step": step, "loss": level} for step in steps]
    lines.append({"step": steps[-1], "sdr": {"vocals": level, "mean": level}})
    (path / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    return path


def test_a_branch_takes_the_place_of_what_its_run_did_later(tmp_path, monkeypatch, capsys):
    first = write_run(tmp_path / "first", [10, 20, 30, 40], 0.5)
    second = write_run(tmp_path / "second", [30, 35], 0.2)
    kept, picture = tmp_path / "kept.jsonl", tmp_path / "images" / "curves.png"
    arguments = ["x", str(first), str(second), "--out", str(picture), "--save", str(kept)]
    monkeypatch.setattr("sys.argv", arguments)
    assert draw_training.main() == 0
    lines = [json.loads(line) for line in kept.read_text().splitlines()]
    assert [(line["run"], line["step"]) for line in lines if "loss" in line] == [
        ("first", 10), ("first", 20), ("second", 30), ("second", 35)
    ]  # fmt: skip
    assert picture.read_bytes().startswith(b"\x89PNG")
    # What was kept can be drawn again, with the names of the runs.
    assert draw_training.read_run(kept) == lines
    monkeypatch.setattr("sys.argv", ["x", str(tmp_path / "none"), "--out", str(picture)])
    assert draw_training.main() == 1
    assert "no measurements" in capsys.readouterr().err


def test_a_run_that_started_from_the_weights_of_another_is_counted_on():
    runs = [
        [{"step": 20, "loss": 0.5}, {"step": 40, "loss": 0.4}],
        [{"step": 20, "loss": 0.3}, {"step": 30, "loss": 0.2}],
    ]
    assert [record["step"] for record in draw_training.join_runs(runs)] == [20, 40, 60, 70]


def test_an_earlier_training_is_drawn_beside(tmp_path, monkeypatch, capsys):
    run = write_run(tmp_path / "run", [10, 20], 0.5)
    earlier = write_run(tmp_path / "earlier", [10, 30], 0.4) / "metrics.jsonl"
    pictures = [tmp_path / "alone.png", tmp_path / "beside.png"]
    for picture, options in zip(pictures, ([], ["--against", str(earlier)]), strict=True):
        monkeypatch.setattr("sys.argv", ["x", str(run), "--out", str(picture), *options])
        assert draw_training.main() == 0
    assert pictures[0].read_bytes() != pictures[1].read_bytes()
    monkeypatch.setattr("sys.argv", ["x", str(run), "--out", "x.png", "--against", "none.jsonl"])
    assert draw_training.main() == 1
    assert "no measurements in none.jsonl" in capsys.readouterr().err


def test_an_empty_run_is_named(tmp_path):
    (tmp_path / "metrics.jsonl").write_text("")
    with pytest.raises(ValueError, match="empty"):
        draw_training.read_run(tmp_path)
