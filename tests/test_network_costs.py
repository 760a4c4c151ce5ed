import pytest
import yaml

pytest.importorskip("openvino", reason="the optional backend is not installed")

from benchmarks import network_costs
from benchmarks.network_costs import VARIANTS
from zoo.networks.bounds import meta_network
from zoo.specs.loading import load_spec


@pytest.mark.parametrize("name", VARIANTS)
def test_the_house_network_has_every_variant(name):
    network = meta_network(load_spec("lightsaft_tfctdf_small", overrides=VARIANTS[name]))
    assert len(network.parts) == (1 if name == "no low band" else 2)


def read_rows(text, title):
    """Return the cells of a table's rows by their first cell."""
    table = text[text.index(f"| {title} |") :].split("\n\n")[0].splitlines()
    rows = [line.strip("| ").split(" | ") for line in table[2:]]
    return {name: cells for name, *cells in rows}


def test_the_tables(tmp_path, capsys):
    spec = load_spec("lightsaft_tfctdf_tiny", overrides={"unet.depth": 1})
    path = tmp_path / "shallow.yaml"
    path.write_text(yaml.safe_dump(spec.to_dict()))
    command = ["--model", str(path), "--seconds", "1", "--rounds", "1"]
    network_costs.main([*command, "--variants", "2 layers", "low band: 256 bins"])
    output = capsys.readouterr().out
    variants = read_rows(output, "variant")
    assert list(variants) == ["as it is", "2 layers"]
    # 24 frames of context and 7 of crossfade in each chunk of 128
    assert variants["as it is"][3:6] == ["128", "18.8%", "5.5%"]
    assert variants["as it is"][7::2] == ["1.00", "1.00"]
    assert "low band: 256 bins: skipped, " in output
    parts = read_rows(output, "part")
    assert parts.keys() == {
        "full band: STFT",
        "full band: graph of the U-Net",
        "full band: inverse STFT",
        "level, sub-bands, masks, copies",
        "cutting, overlap-add, residual, joining",
    }
    for place in (1, 3):
        shares = [float(cells[place].rstrip("%")) for cells in parts.values()]
        assert sum(shares) == pytest.approx(100, abs=0.3)
    assert any(name.startswith("Convolution, ") for name in read_rows(output, "kernel"))
