import json

import numpy as np
import pytest

from zoo.benchmarking import Case, make_song, measure_peak_memory, time_interleaved
from zoo.benchmarking.cases import BASELINE
from zoo.benchmarking.report import format_table, to_record
from zoo.cli import main


def count_calls(log, name, outputs=2):
    def run(song):
        log.append((name, song.shape))
        for _ in range(outputs):
            yield

    return Case(name=name, num_sources=4, run=run)


def test_cases_take_turns():
    log = []
    cases = [count_calls(log, BASELINE), count_calls(log, "b", outputs=0)]
    measurements = time_interleaved(cases, seconds=1, rounds=3)
    assert [name for name, _ in log] == [BASELINE, "b"] * 4
    assert {shape for _, shape in log} == {(2, 44100)}
    for measurement in measurements:
        assert len(measurement.run_seconds) == len(measurement.first_output_seconds) == 3
        for whole, first in zip(
            measurement.run_seconds, measurement.first_output_seconds, strict=True
        ):
            assert 0 < first <= whole
    with pytest.raises(ValueError, match="rounds=0"):
        time_interleaved(cases, seconds=1, rounds=0)


def test_ratios_are_medians_over_rounds():
    base, other = time_interleaved(
        [count_calls([], BASELINE), count_calls([], "b")], seconds=2, rounds=3
    )
    base.run_seconds[:] = [1.0, 8.0, 3.0]
    other.run_seconds[:] = [0.5, 1.0, 1.0]
    assert other.times_as_fast_as(base) == 3.0
    assert other.real_time_factor == 0.25
    assert "| b | 4 | torch | float32 | 0.250 |" in format_table([base, other])
    record = to_record([base, other], model="net", memory={"1 minute": 5})
    assert json.loads(json.dumps(record)) == record
    assert record["cases"][1]["times_as_fast_as"] == {BASELINE: 3.0}
    assert record["peak_memory_bytes"] == {"1 minute": 5}


def test_the_song_is_the_same_every_time():
    song = make_song(0.5)
    assert song.shape == (2, 22050)
    assert song.dtype == np.float32
    np.testing.assert_array_equal(song, make_song(0.5))
    assert 0.2 < np.abs(song).max() < 1


def test_the_command_prints_a_table_and_writes_a_record(tmp_path, capsys):
    path = tmp_path / "bench.json"
    command = ["bench", "-m", "lightsaft_tfctdf_tiny", "--seconds", "1", "--rounds", "1"]
    assert main([*command, "--no-peers", "--json", str(path)]) == 0
    output = capsys.readouterr().out
    assert "| published tool (emulated) | 4 | torch | float32 |" in output
    record = json.loads(path.read_text())
    assert record["model"] == "lightsaft_tfctdf_tiny"
    assert {case["num_sources"] for case in record["cases"]} == {1, 4}
    assert record["machine"]["packages"]["torch"]


@pytest.mark.slow
def test_memory_is_flat_in_the_length():
    minute = measure_peak_memory("lightsaft_tfctdf_tiny", seconds=60, backend="torch")
    longer = measure_peak_memory("lightsaft_tfctdf_tiny", seconds=600, backend="torch")
    assert longer < 1.2 * minute
