"""A metric is registered in one place and known everywhere."""

import dataclasses
import json

import numpy as np
import pytest
import yaml

import zoo
from benchmarks import print_metrics_table
from tests.evaluation_tracks import SOURCES, make_stems, write_track
from zoo.cli import main
from zoo.metrics import PROTOCOLS, Protocol, Quantity
from zoo.publishing.cards import render_card
from zoo.ui.model_tables import model_table
from zoo.weights.entries import parse_entry

MODEL = "lightsaft_tfctdf_tiny"


def peak_error(targets, estimates, sample_rate):
    assert sample_rate == 44100
    errors = {name: np.abs(targets[name] - estimates[name]).max() for name in targets}
    return {"peak": {name: -20 * np.log10(error) for name, error in errors.items()}}


@pytest.fixture(autouse=True)
def toy(monkeypatch):
    """Register a metric of a stranger, for one test."""
    monkeypatch.setattr(PROTOCOLS, "_entries", dict(PROTOCOLS._entries))
    return PROTOCOLS.add(
        "peak",
        Protocol(
            name="peak",
            title="Peak error",
            definition="the largest error of a track, mean over tracks",
            track_statistic="mean",
            quantities=(Quantity(name="peak", label="peak"),),
            score=peak_error,
            unit="dBFS",
        ),
    )


@pytest.fixture
def report(tmp_path, capsys):
    for index in range(2):
        stems = make_stems(index, seconds=0.5, rate=44100)
        write_track(tmp_path / "data" / f"song {index}", stems, rate=44100)
    command = ["evaluate", "--model", MODEL, "--weights", "test", "--data", str(tmp_path / "data")]
    assert main([*command, "--metrics", "peak", "--out", str(tmp_path / "out")]) == 0
    printed = capsys.readouterr().out
    assert "## Peak error\n\nIn dBFS, higher is better: the largest error of a track" in printed
    assert (tmp_path / "out" / "peak.png").is_file()
    return json.loads((tmp_path / "out" / "report.json").read_text())


@pytest.fixture
def entry(report):
    text = print_metrics_table.manifest_metrics(report, command="a command")
    plain = {"licence": "MIT", "training_data": "none", **yaml.safe_load(text)}
    return parse_entry(plain, spec=MODEL, tag="test", origin="a manifest")


def test_evaluation_scores_it(report):
    system = f"{MODEL} (test)"
    assert report["protocols"]["peak"]["version"] == "1"
    scores = report["protocols"]["peak"]["quantities"]["peak"]["systems"][system]
    tracks = [track["systems"][system]["scores"]["peak"] for track in report["tracks"].values()]
    for source in SOURCES:
        expected = np.mean([scores[source] for scores in tracks])
        assert scores[source]["value"] == pytest.approx(expected, abs=1e-9)


def test_a_manifest_and_a_card_hold_it(report, entry):
    (metric,) = entry.metrics
    systems = report["protocols"]["peak"]["quantities"]["peak"]["systems"]
    assert metric.protocol == "peak"
    assert metric.sdr["bass"] == round(systems[f"{MODEL} (test)"]["bass"]["value"], 3)
    card = render_card(zoo.load_spec(MODEL), entry, num_parameters=1)
    assert "Peak error in dBFS: the largest error of a track, mean over tracks.\n\n| data" in card
    assert f"{metric.sdr['mean']:.3f}" in card


def test_the_table_of_results_holds_it(report, toy):
    table = print_metrics_table.metrics_table([report], toy)
    assert table.startswith("Peak error in dBFS on data (2 tracks, ")


def test_the_apps_table_of_models_holds_it(entry, monkeypatch):
    published = dataclasses.replace(entry.metrics[0], measured_by="published")
    model_info = zoo.model_info

    def with_results(name):
        metrics = {"test": (*entry.metrics, published)} if name == MODEL else {}
        return dataclasses.replace(model_info(name), metrics=metrics)

    monkeypatch.setattr(zoo, "model_info", with_results)
    table = model_table()
    rows = {row[0]: dict(zip(table["headers"], row, strict=True)) for row in table["data"]}
    mean = f"{published.sdr['mean']:.2f}"
    assert rows[MODEL]["published, Peak error"] == mean
    assert rows[MODEL]["measured here"] == f"{mean} (Peak error, data)"
