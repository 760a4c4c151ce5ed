"""The clusters of docs/scaling.md are ones that Ray takes, and its table is what is printed."""

import json
import re
from importlib.util import find_spec
from pathlib import Path

import jsonschema
import pytest
import yaml

from benchmarks import sizing
from zoo.cli import build_parser

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "docs" / "scaling.md"
FOLDER = ROOT / "docs" / "scaling"


def test_the_cloud_cluster_fits_the_schema_of_ray():
    package = find_spec("ray")
    assert package is not None
    schema = json.loads((Path(package.origin).parent / "autoscaler/ray-schema.json").read_text())
    cluster = yaml.safe_load((FOLDER / "cluster.yaml").read_text())
    jsonschema.validate(cluster, schema)
    assert cluster["head_node_type"] in cluster["available_node_types"]
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(cluster | {"max_workers": "many"}, schema)


def test_the_kubernetes_cluster_has_a_head_and_workers_with_what_they_need():
    cluster = yaml.safe_load((FOLDER / "raycluster.yaml").read_text())
    assert (cluster["apiVersion"], cluster["kind"]) == ("ray.io/v1", "RayCluster")
    spec = cluster["spec"]
    assert set(spec) == {"enableInTreeAutoscaling", "headGroupSpec", "workerGroupSpecs"}
    for group in (spec["headGroupSpec"], *spec["workerGroupSpecs"]):
        (container,) = group["template"]["spec"]["containers"]
        assert container["resources"]["requests"] == container["resources"]["limits"]
        assert {"name": "RAY_USAGE_STATS_ENABLED", "value": "0"} in container["env"]
        assert all(isinstance(value, str) for value in group["rayStartParams"].values())
    (workers,) = spec["workerGroupSpecs"]
    assert workers["minReplicas"] <= workers["replicas"] <= workers["maxReplicas"]


def test_every_cluster_and_command_of_the_page_exists():
    text = PAGE.read_text()
    for name in re.findall(r"\(scaling/([\w.]+)\)", text):
        assert (FOLDER / name).is_file()
    commands = re.findall(r"^python -m zoo (catalogue .*?)(?:\s+#.*)?$", text, re.MULTILINE)
    assert len(commands) >= 4
    for command in commands:
        build_parser().parse_args(command.replace('"', "").split())


def test_the_table_of_the_page_is_the_one_that_is_printed(capsys, monkeypatch):
    monkeypatch.setattr("sys.argv", ["sizing"])
    assert sizing.main() == 0
    printed = capsys.readouterr().out
    text = PAGE.read_text()
    assert printed.splitlines()[0] in text
    # The two sizes in memory and on the disk depend on the versions of Python and pyarrow.
    for line in printed.splitlines()[2:]:
        if not line.startswith(("| manifest", "| songs in the driver")):
            assert line in text


def test_sizes_and_prices_add_up():
    storage = sizing.StoragePrices(gigabyte_month=0.02, thousand_writes=0.005)
    found = sizing.size_catalogue(
        1000,
        song_seconds=360.0,
        speed=10.0,
        busy=0.5,
        hours=8.0,
        bytes_per_sample=2,
        machine_price=0.1,
        storage=storage,
        manifest_bytes=200.0,
        driver_bytes=400.0,
    )
    assert (found.audio_hours, found.machine_hours, found.machines) == (100.0, 20.0, 3)
    assert found.compute_price == pytest.approx(2.0)
    assert found.stem_bytes == 1000 * 360 * 44_100 * 2 * 2 * 4
    assert found.storage_price == pytest.approx(found.stem_bytes / 1e9 * 0.02 + 5 * 0.005)
    assert (found.manifest_bytes, found.driver_bytes, found.list_requests) == (200_000, 400_000, 5)


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"machines": {"vm": 0}}, "machines.vm: must be above 0"),
        ({"machines": {"vm": "cheap"}}, "machines.vm: must be a number"),
        ({"storage": {"gigabyte_month": 1.0}}, "storage.thousand_writes: missing"),
        ({"rates": 1}, "rates"),
    ],
)
def test_prices_that_are_none_are_refused(tmp_path, change, complaint):
    prices = yaml.safe_load((ROOT / "benchmarks" / "prices.yaml").read_text())
    path = tmp_path / "prices.yaml"
    path.write_text(yaml.safe_dump(prices | change))
    with pytest.raises(ValueError, match=complaint):
        sizing.read_prices(path)


def test_a_bench_record_without_our_cases_is_refused(tmp_path):
    (tmp_path / "bench.json").write_text(json.dumps({"cases": []}))
    with pytest.raises(ValueError, match="no case of the zoo"):
        sizing.read_speed(tmp_path / "bench.json")
