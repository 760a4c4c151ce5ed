"""Adapters to networks of other packages: stand-ins always, the real ones where installed."""

import importlib.util
import sys
import types
from urllib.error import URLError

import numpy as np
import pytest
import torch
from signals import tone

from zoo.errors import UnknownNameError, WeightsError
from zoo.evaluation import baseline_networks, baselines
from zoo.evaluation.baseline_networks import LoadedBaseline
from zoo.evaluation.baselines import (
    BASELINES,
    Baseline,
    BaselineError,
    BaselineSystem,
    load_baseline,
)
from zoo.evaluation.runner import evaluate
from zoo.evaluation.systems import SeparationSystem

SOURCES = ("drums", "bass", "other", "vocals")
GAINS = torch.tensor([0.1, 0.2, 0.3, 0.4])[:, None, None]


def needs(package):
    missing = importlib.util.find_spec(package) is None
    return pytest.mark.skipif(missing, reason=f"the optional package {package} is not installed")


def stand_in(monkeypatch, **modules):
    """Put modules in the place of a package's (dots written as two underscores)."""
    for name, content in modules.items():
        module = types.SimpleNamespace(**content)
        monkeypatch.setitem(sys.modules, name.replace("__", "."), module)
    for module in (baselines, baseline_networks):
        monkeypatch.setattr(module, "version", lambda package: "0.0")


class GainNetwork(torch.nn.Module):
    """Every source is the mixture times a gain: (B, 2, N) -> (B, 4, 2, N)."""

    sources, samplerate, sample_rate, audio_channels = SOURCES, 44100, 44100.0, 2

    def forward(self, mixture):
        assert not torch.is_grad_enabled()
        return GAINS * mixture[:, None]


def assert_gains(system, mixture, *, rate=44100, atol=1e-5):
    estimates = system.separate(mixture, sample_rate=rate)
    for source, gain in zip(SOURCES, GAINS.flatten().tolist(), strict=True):
        assert estimates[source].shape == mixture.shape
        assert estimates[source].dtype == np.float32
        np.testing.assert_allclose(estimates[source], gain * mixture, atol=atol)


class TestAdapters:
    @pytest.mark.parametrize("name", ["htdemucs", "htdemucs_ft", "hdemucs"])
    def test_demucs(self, monkeypatch, name):
        asked = []

        def apply_model(model, mixture, *, shifts, split):
            asked.append((shifts, split))
            assert mixture.mean(1).std() == pytest.approx(1.0, abs=1e-4)
            return model(mixture)

        def get_model(name):
            asked.append(name)
            return GainNetwork()

        stand_in(
            monkeypatch,
            demucs__pretrained={"get_model": get_model},
            demucs__apply={"apply_model": apply_model},
        )
        assert_gains(load_baseline(name), tone(440))
        assert asked == ["hdemucs_mmi" if name == "hdemucs" else name, (0, True)]

    def test_demucs48_hq(self, monkeypatch):
        stand_in(
            monkeypatch,
            demucs__pretrained={"load_pretrained": lambda name: GainNetwork()},
            demucs__utils={"apply_model": lambda model, mix, split: model(mix[None])[0]},
        )
        assert_gains(load_baseline("demucs48_hq"), tone(440))

    def test_demucs48_hq_is_not_in_newer_packages(self, monkeypatch):
        stand_in(monkeypatch, demucs__pretrained={"get_model": None})
        with pytest.raises(BaselineError, match=r"no longer has demucs48_hq.*demucs<3"):
            load_baseline("demucs48_hq")

    @pytest.mark.parametrize("name", ["umx", "umxhq", "umxl"])
    def test_openunmix(self, monkeypatch, name):
        def build(*, pretrained):
            assert pretrained
            network = GainNetwork()
            network.target_models = dict.fromkeys(SOURCES)
            return network

        stand_in(monkeypatch, openunmix={name: build})
        assert_gains(load_baseline(name), tone(440))

    @pytest.mark.parametrize(
        ("name", "bundle"),
        [("hdemucs_high", "HDEMUCS_HIGH_MUSDB"), ("hdemucs_high_plus", "HDEMUCS_HIGH_MUSDB_PLUS")],
    )
    def test_torchaudio(self, monkeypatch, name, bundle):
        content = types.SimpleNamespace(sample_rate=44100, get_model=GainNetwork)
        stand_in(monkeypatch, torchaudio__pipelines={bundle: content})
        three_segments = tone(440, num_samples=21 * 44100)  # of ten seconds
        assert_gains(load_baseline(name), three_segments)

    def test_xumx(self, monkeypatch, tmp_path):
        class Masker(torch.nn.Module):
            window_length, in_chan, n_hop, sample_rate = 256, 256, 64, 44100

            def __init__(self, *, sources):
                super().__init__()
                self.sources = sources

            def forward_masker(self, magnitude):
                assert magnitude.shape[1:] == (1, 2, 129)
                return GAINS[..., None, None] * torch.ones(4, *magnitude.shape)

        path = tmp_path / "model.pth"
        torch.save({"model_args": {"sources": list(SOURCES)}, "state_dict": {}}, path)
        stand_in(
            monkeypatch,
            asteroid__models__x_umx={"XUMX": None, "BrokenXUMX": Masker},
            asteroid__utils__hub_utils={"cached_download": lambda name: path},
        )
        assert_gains(load_baseline("xumx"), tone(440))

    def test_weights_of_xumx_run_no_code(self, monkeypatch, tmp_path):
        path = tmp_path / "model.pth"
        torch.save({"model_args": types.SimpleNamespace()}, path)
        stand_in(
            monkeypatch,
            asteroid__models__x_umx={"XUMX": None},
            asteroid__utils__hub_utils={"cached_download": lambda name: path},
        )
        with pytest.raises(BaselineError, match="weights of X-UMX could not be had"):
            load_baseline("xumx")


class TestBaselineSystem:
    def system(self, monkeypatch, *, load=None, version="1.2", bias=0.0):
        monkeypatch.setattr(baselines, "version", lambda package: version)
        network = GainNetwork()
        network.register_buffer("bias", torch.tensor(bias))
        loaded = LoadedBaseline(
            sources=SOURCES,
            sample_rate=44100,
            network=network,
            separate_stereo=lambda mixture: network(mixture[None])[0],
        )
        return BaselineSystem(
            Baseline(
                title="Gains",
                package="gains",
                install="pip install gains",
                weights="the moon",
                load=load or (lambda: loaded),
            )
        )

    def test_is_a_system(self, monkeypatch):
        system: SeparationSystem = self.system(monkeypatch)
        assert (system.name, system.sources) == ("Gains", SOURCES)

    def test_is_known_by_its_package_and_its_weights(self, monkeypatch):
        fingerprint = self.system(monkeypatch).fingerprint
        assert self.system(monkeypatch).fingerprint == fingerprint
        assert self.system(monkeypatch, version="1.3").fingerprint != fingerprint
        assert self.system(monkeypatch, bias=1.0).fingerprint != fingerprint

    def test_mono_comes_back_mono(self, monkeypatch):
        assert_gains(self.system(monkeypatch), tone(440, gains=[0.3]))

    @pytest.mark.parametrize("rate", [22050, 48000])
    def test_other_rates_come_back(self, monkeypatch, rate):
        mixture = tone(440, num_samples=rate // 2, rate=rate)
        mixture *= np.hanning(rate // 2).astype(np.float32)  # no hard edges
        assert_gains(self.system(monkeypatch), mixture, rate=rate, atol=1e-4)

    def test_more_channels_are_refused(self, monkeypatch):
        with pytest.raises(ValueError, match="mono or stereo, got 3 channels"):
            self.system(monkeypatch).separate(tone(440, gains=[0.3] * 3), sample_rate=44100)

    def test_can_be_evaluated(self, monkeypatch, tmp_path):
        from tests.evaluation_tracks import make_stems, write_track
        from zoo.evaluation.tracks import find_evaluation_tracks
        from zoo.metrics import MDX

        write_track(tmp_path / "song", make_stems())
        tracks = find_evaluation_tracks(tmp_path, sources=SOURCES)
        records = evaluate(tracks, [self.system(monkeypatch)], protocols=[MDX])
        assert records[-1].system == "Gains"
        assert set(records[-1].scores["mdx_sdr"]) == set(SOURCES)

    def test_a_missing_package_says_what_to_type(self, monkeypatch):
        def load():
            raise ImportError("No module named 'gains'")

        with pytest.raises(BaselineError, match=r"needs the gains package.*pip install gains"):
            self.system(monkeypatch, load=load)

    @pytest.mark.parametrize("error", [URLError("no route"), RuntimeError("bad hash")])
    def test_missing_weights_say_where_they_come_from(self, monkeypatch, error):
        def load():
            raise error

        with pytest.raises(WeightsError, match="the moon; connect once to the internet"):
            self.system(monkeypatch, load=load)

    def test_unknown_name(self):
        with pytest.raises(UnknownNameError, match="did you mean 'htdemucs'"):
            load_baseline("htdemuc")
        assert {"htdemucs", "hdemucs", "demucs48_hq", "umx", "xumx", "hdemucs_high"} <= set(
            BASELINES
        )


class TestRealPackages:
    @needs("demucs")
    def test_demucs_runs(self, monkeypatch):
        pretrained = importlib.import_module("demucs.pretrained")
        small = pretrained.demucs_unittest().eval()
        monkeypatch.setattr(pretrained, "get_model", lambda name: small)
        mixture = tone(440, num_samples=44_100)
        estimates = load_baseline("htdemucs").separate(mixture, sample_rate=44100)
        assert set(estimates) == set(SOURCES)
        assert all(estimate.shape == mixture.shape for estimate in estimates.values())

    @needs("openunmix")
    def test_openunmix_runs_and_its_estimates_share_out_the_mixture(self, monkeypatch):
        openunmix = importlib.import_module("openunmix")
        torch.manual_seed(0)
        whole = openunmix.umx_spec(pretrained=False)
        monkeypatch.setattr(openunmix, "umx_spec", lambda **options: whole)
        mixture = tone(440, num_samples=13_230) + 0.05 * np.random.default_rng(0).standard_normal(
            (2, 13230)
        ).astype(np.float32)
        estimates = load_baseline("umx").separate(mixture, sample_rate=44100)
        assert set(estimates) == set(SOURCES)
        np.testing.assert_allclose(sum(estimates.values()), mixture, atol=0.05)

    @needs("torchaudio")
    def test_torchaudio_runs(self, monkeypatch):
        pipelines = importlib.import_module("torchaudio.pipelines")
        models = importlib.import_module("torchaudio.models")
        small = models.HDemucs(list(SOURCES), channels=4, audio_channels=2).eval()
        bundle = types.SimpleNamespace(sample_rate=44100, get_model=lambda: small)
        monkeypatch.setattr(pipelines, "HDEMUCS_HIGH_MUSDB", bundle)
        mixture = tone(440, num_samples=22_050)
        estimates = load_baseline("hdemucs_high").separate(mixture, sample_rate=44100)
        assert set(estimates) == set(SOURCES)
        assert all(np.isfinite(estimate).all() for estimate in estimates.values())

    @needs("asteroid")
    def test_spectrogram_of_xumx_is_the_one_that_the_adapter_makes(self, monkeypatch, tmp_path):
        x_umx = importlib.import_module("asteroid.models.x_umx")
        hub = importlib.import_module("asteroid.utils.hub_utils")
        arguments = {
            "sources": list(SOURCES),
            "window_length": 256,
            "in_chan": 256,
            "n_hop": 64,
            "hidden_size": 16,
            "nb_layers": 2,
        }
        torch.manual_seed(0)
        model = x_umx.BrokenXUMX(**arguments).eval()
        path = tmp_path / "model.pth"
        torch.save({"model_args": arguments, "state_dict": model.state_dict()}, path)
        monkeypatch.setattr(hub, "cached_download", lambda name: path)
        mixture = tone(440, num_samples=8_820)
        estimates = load_baseline("xumx").separate(mixture, sample_rate=44100)
        with torch.no_grad():
            masked, _ = model(torch.from_numpy(mixture)[None])  # (S, T, 1, 2, F)
        estimate = torch.stft(
            torch.from_numpy(estimates["vocals"]),
            256,
            hop_length=64,
            window=torch.hann_window(256),
            return_complex=True,
        ).abs()
        expected = masked[SOURCES.index("vocals"), :, 0].permute(1, 2, 0)
        correlation = torch.corrcoef(torch.stack([estimate.flatten(), expected.flatten()]))[0, 1]
        assert correlation > 0.99
