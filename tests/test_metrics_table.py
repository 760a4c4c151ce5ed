"""The script that turns evaluations into README's table."""

import json
import math

import pytest
import yaml

from benchmarks import print_metrics_table
from tests.evaluation_tracks import SOURCES, ScaledMixture, make_stems, write_track
from zoo.evaluation.bootstrap import BootstrapConfig
from zoo.evaluation.references import REFERENCES
from zoo.evaluation.session import EvaluationSession
from zoo.evaluation.tracks import find_evaluation_tracks
from zoo.metrics import BSSEVAL, MDX
from zoo.weights.entries import parse_entry


@pytest.fixture
def data(tmp_path):
    for index in range(3):
        write_track(tmp_path / "data" / f"song {index}", make_stems(index))
    return tmp_path / "data"


def make_report(data, out, *, gain=0.25, model="net", absent_db=15.0, num_tracks=3):
    session = EvaluationSession(
        title=model,
        systems=[ScaledMixture(gain, name=f"{model} (tag)")],
        tracks=find_evaluation_tracks(data, sources=SOURCES)[:num_tracks],
        protocols=[MDX],
        out=out,
        absent_db=absent_db,
        bootstrap=BootstrapConfig(num_resamples=100),
        facts={"model": model, "weights": "tag", "data": "data"},
    )
    session.run()
    session.report()
    return print_metrics_table.load_report(out)


def test_table_has_a_row_for_every_model_and_reference(data, tmp_path):
    reports = [
        make_report(data, tmp_path / "a", model="one"),
        make_report(data, tmp_path / "b", model="two", gain=0.1),
    ]
    table = print_metrics_table.metrics_table(reports, MDX)
    rows = [line.split("|")[1].strip() for line in table.splitlines() if line.startswith("| ")]
    assert rows == [
        "system",
        ":--",
        "**one (tag)**",
        "**two (tag)**",
        *(f"*{n}*" for n in REFERENCES),
    ]
    systems = reports[1]["protocols"]["mdx"]["quantities"]["mdx_sdr"]["systems"]
    assert f"| {systems['two (tag)']['bass']['value']:.2f} [" in table


def test_tables_are_not_mixed(data, tmp_path):
    report = make_report(data, tmp_path / "a")
    for options, words in (
        ({"absent_db": math.inf}, "differ in absent_db"),
        ({"num_tracks": 2}, "are on other tracks"),
    ):
        other = make_report(data, tmp_path / words, **options)
        with pytest.raises(ValueError, match=words):
            print_metrics_table.metrics_table([report, other], MDX)
    with pytest.raises(ValueError, match="--metrics mdx,bsseval"):
        print_metrics_table.metrics_table([report], BSSEVAL)


def test_partial_or_missing_reports_are_refused(data, tmp_path):
    with pytest.raises(ValueError, match="no report in"):
        print_metrics_table.load_report(tmp_path)
    report = make_report(data, tmp_path / "a")
    (tmp_path / "a" / "report.json").write_text(json.dumps({**report, "complete": False}))
    with pytest.raises(ValueError, match="partial report"):
        print_metrics_table.load_report(tmp_path / "a")


def test_manifest_entry_is_one_that_manifests_read(data, tmp_path):
    report = make_report(data, tmp_path / "a")
    text = print_metrics_table.manifest_metrics(report, command="python -m zoo evaluate ...")
    plain = {"licence": "MIT", "training_data": "none", **yaml.safe_load(text)}
    entry = parse_entry(plain, spec="net", tag="tag", origin="net.yaml")
    (metric,) = entry.metrics
    value = report["protocols"]["mdx"]["quantities"]["mdx_sdr"]["systems"]["net (tag)"]["mean"]
    assert metric.protocol == "mdx"
    assert metric.measured_by == "measured"
    assert metric.sdr["mean"] == round(value["value"], 3)


def test_command_prints_the_table(data, tmp_path, monkeypatch, capsys):
    make_report(data, tmp_path / "a")
    monkeypatch.setattr("sys.argv", ["print_metrics_table", str(tmp_path / "a")])
    assert print_metrics_table.main() == 0
    assert "| **net (tag)** |" in capsys.readouterr().out
    monkeypatch.setattr("sys.argv", ["print_metrics_table", str(tmp_path)])
    assert print_metrics_table.main() == 1
    assert "error: no report" in capsys.readouterr().err
