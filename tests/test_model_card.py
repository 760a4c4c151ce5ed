"""The model card says what must be said, and says it so that the Hub reads it."""

import io

import pytest
import torch
import yaml
from huggingface_hub import ModelCard
from PIL import Image

import zoo
from zoo.publishing.card_picture import example_mixture, render_picture
from zoo.publishing.cards import render_card
from zoo.weights.entries import Metric, WeightsEntry
from zoo.weights.manifests import get_manifest


def entry(**changes) -> WeightsEntry:
    fields = {
        "spec": "lightsaft",
        "tag": "mine",
        "licence": "CC-BY-SA-3.0",
        "training_data": "Songs of my own",
        "credits": ("A | B <script>", "C"),
        "metrics": (
            Metric(
                protocol="mdx",
                dataset="valid",
                sdr={"vocals": 1.25, "mean": 1.25},
                measured_by="measured",
                reference="python -m zoo evaluate",
            ),
            Metric(
                protocol="bsseval",
                dataset="MUSDB18",
                sdr={"drums": 2.0},
                measured_by="published",
                reference="a paper",
            ),
        ),
        "notes": "Small.",
    }
    return WeightsEntry(**(fields | changes))


def card(weights: WeightsEntry | None, **options) -> str:
    return render_card(zoo.load_spec("lightsaft"), weights, num_parameters=4_159_844, **options)


def test_front_matter_is_what_the_hub_reads():
    data = ModelCard(card(entry())).data.to_dict()
    assert data["license"] == "cc-by-sa-3.0"
    assert data["library_name"] == "lightsaft-zoo"
    assert data["pipeline_tag"] == "audio-to-audio"
    assert "music-source-separation" in data["tags"]
    other = ModelCard(card(entry(licence="SCOTTPOID terms"))).data.to_dict()
    assert (other["license"], other["license_name"]) == ("other", "SCOTTPOID terms")


def test_everything_that_must_go_along_is_there():
    text = card(entry(), repo_id="user/name", with_picture=True)
    for part in (
        "# LightSAFT-Net",
        "arXiv:2111.12516",
        "vocals, drums, bass and other",
        "4,159,844",
        'zoo.build("user/name")',
        "Songs of my own",
        "- A \\| B &lt;script>",
        "- C",
        "Small.",
        "![Mixture and estimates](spectrograms.png)",
    ):
        assert part in text


def test_the_card_says_how_to_install_what_no_index_has():
    assert "pip install -r requirements.txt -e ." in card(entry())
    assert "pip install lightsaft-zoo" not in card(entry())


def test_a_separation_at_several_pitches_is_said():
    assert "| Separation | the mean of the estimates at 3 pitches" in card(entry(pitches=3))
    assert "pitches" not in card(entry())


def test_each_protocol_has_a_table_of_its_own():
    text = card(entry())
    mdx, bsseval = text.split("MDX SDR in dB: global SDR")[1].split("BSS Eval v4 in dB: windows")
    assert "| data | vocals | mean | by |" in mdx
    assert "| valid | 1.250 | 1.250 | measured: python -m zoo evaluate |" in mdx
    assert "| data | drums | by |" in bsseval
    assert "| MUSDB18 | 2.000 | published: a paper |" in bsseval


def test_the_spec_in_the_card_rebuilds_the_spec():
    plain = yaml.safe_load(card(entry()).split("```yaml\n")[1].split("```")[0])
    assert zoo.parse_spec(plain).to_dict() == zoo.load_spec("lightsaft").to_dict()


def test_the_level_of_the_input_is_said_where_there_is_one():
    levelled = zoo.load_spec("lightsaft", overrides={"input_level_dbfs": -14})
    assert "brought to -14 dBFS" in render_card(levelled, entry(), num_parameters=1)
    assert "dBFS" not in card(entry())


def test_what_is_not_known_is_said():
    text = card(None)
    assert "license" not in ModelCard(text).data.to_dict()
    assert text.count("Not stated.") == 2
    assert "Not measured." in text
    assert "spectrograms.png" not in text


@pytest.mark.parametrize("name", ["lightsaft_tfctdf", "lasaft_large", "lightsaft_tfctdf_tiny"])
def test_cards_of_packaged_manifests(name):
    manifest = get_manifest(name)
    for weights in manifest.entries.values():
        text = render_card(zoo.load_spec(name), weights, num_parameters=1)
        assert ModelCard(text).data.license == "mit"
        for metric in weights.metrics:
            assert all(f"{value:.3f}" in text for value in metric.sdr.values())


@pytest.mark.parametrize(("sample_rate", "channels"), [(44100, 2), (22050, 1), (48000, 4)])
def test_the_example_fits_any_network(sample_rate, channels):
    mixture = example_mixture(sample_rate=sample_rate, channels=channels)
    assert mixture.shape[:2] == (1, channels)
    assert abs(mixture.shape[2] - 6 * sample_rate) <= 2
    assert mixture.square().mean().sqrt() > 0.01


def test_the_picture_leaves_the_network_as_it_was():
    network = zoo.build("lightsaft_tfctdf_tiny").train()
    before = {key: tensor.clone() for key, tensor in network.state_dict().items()}
    image = Image.open(io.BytesIO(render_picture(network)))
    assert image.format == "PNG"
    assert image.width > image.height
    assert network.training
    assert all(torch.equal(before[key], value) for key, value in network.state_dict().items())
