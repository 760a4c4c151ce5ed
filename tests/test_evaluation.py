"""Evaluation: tracks, references, intervals, resuming, reports."""

import json
import math
import os
import shutil
from multiprocessing import active_children

import numpy as np
import pytest
import soundfile
from matplotlib.figure import Figure
from signals import tone

from tests.evaluation_tracks import RATE, SOURCES, ScaledMixture, make_stems, write_track
from zoo.errors import AudioError, UnknownNameError
from zoo.evaluation.bootstrap import BootstrapConfig, bootstrap_interval, over_tracks
from zoo.evaluation.plot import draw_summary
from zoo.evaluation.published import PUBLISHED_TABLES
from zoo.evaluation.records import RecordStore, TrackRecord
from zoo.evaluation.references import (
    BEST_GAIN,
    MIXTURE,
    ORACLE_MASK,
    REFERENCES,
    SILENCE,
    best_gain,
    reference_estimates,
)
from zoo.evaluation.report import json_report, markdown_report, published_report
from zoo.evaluation.runner import evaluate
from zoo.evaluation.scoring import LEVEL_BELOW, score_track
from zoo.evaluation.summary import summarise
from zoo.evaluation.tracks import find_evaluation_tracks
from zoo.metrics import BSSEVAL, MDX, SI, mdx_sdr, parse_protocols


@pytest.fixture
def data(tmp_path):
    """Three tracks; the third has no bass and hardly any other."""
    for index in range(2):
        write_track(tmp_path / "data" / f"song {index}", make_stems(index))
    stems = make_stems(2)
    del stems["bass"]
    stems["other"] *= 0.01
    write_track(tmp_path / "data" / "song 2", stems)
    return tmp_path / "data"


def find(data, sources=SOURCES):
    return find_evaluation_tracks(data, sources=sources)


def summary_of(records, tracks, *, systems=("scaled",), protocols=(MDX,), **options):
    return summarise(
        records,
        sources=SOURCES,
        systems=systems,
        references=list(REFERENCES),
        protocols=protocols,
        tracks=[track.name for track in tracks],
        bootstrap=BootstrapConfig(num_resamples=200),
        **options,
    )


class TestTracks:
    def test_mixture_is_the_sum_and_what_has_no_file_is_silent(self, data):
        track = find(data)[2]
        audio = track.load()
        assert track.name == "song 2"
        assert (track.seconds, audio.sample_rate) == (1.0, RATE)
        np.testing.assert_allclose(audio.mixture, sum(audio.every_source.values()), atol=1e-7)
        assert not audio.targets["bass"].any()
        assert list(audio.targets) == list(SOURCES)
        assert "bass" not in audio.every_source

    def test_sources_that_are_not_scored_belong_to_the_mixture(self, data):
        track = find(data, sources=("vocals",))[0]
        audio = track.load()
        assert list(audio.targets) == ["vocals"]
        np.testing.assert_allclose(audio.mixture, sum(make_stems(0).values()), atol=1e-6)

    def test_a_given_mixture_is_what_is_separated(self, tmp_path):
        stems = make_stems()
        mixture = 0.5 * sum(stems.values())
        write_track(tmp_path / "song", stems, mixture=mixture)
        np.testing.assert_array_equal(find(tmp_path)[0].load().mixture, mixture)

    def test_a_mixture_with_more_than_its_sources_shows_a_missing_file(self, tmp_path):
        stems = make_stems()
        write_track(tmp_path / "whole", stems)
        mixture = sum(stems.values())
        del stems["drums"]
        write_track(tmp_path / "song", stems, mixture=mixture)
        with pytest.raises(AudioError, match=r"mixture\.wav holds more .*'song'.* drums"):
            find(tmp_path)[0].load()

    @pytest.mark.parametrize(
        ("change", "got", "expected"),
        [
            ({"seconds": 0.5}, "4000 samples", "8000 samples"),
            ({"channels": 1}, "1 ch", "2 ch"),
        ],
    )
    def test_files_that_do_not_agree_are_named(self, tmp_path, change, got, expected):
        stems = make_stems()
        stems["drums"] = make_stems(1, **change)["drums"]
        write_track(tmp_path / "song", stems)
        with pytest.raises(AudioError, match=r"drums\.wav") as caught:
            find(tmp_path)
        assert got in str(caught.value)
        assert expected in str(caught.value)
        assert "export them again" in str(caught.value)

    def test_another_sample_rate_is_named(self, tmp_path):
        folder = write_track(tmp_path / "song", make_stems())
        soundfile.write(folder / "drums.wav", np.zeros((8000, 2)), 16000)
        with pytest.raises(AudioError, match=r"16000 Hz.*8000 Hz|8000 Hz.*16000 Hz"):
            find(tmp_path)

    def test_a_mixture_of_another_length_is_named(self, tmp_path):
        write_track(tmp_path / "song", make_stems(), mixture=np.zeros((2, 100), np.float32))
        with pytest.raises(AudioError, match=r"mixture\.wav has 100 samples"):
            find(tmp_path)

    def test_a_corrupt_file_is_named(self, tmp_path):
        folder = write_track(tmp_path / "song", make_stems())
        (folder / "bass.wav").write_bytes(b"RIFF, but no audio")
        with pytest.raises(AudioError, match=r"bass\.wav"):
            find(tmp_path)

    def test_samples_that_are_no_numbers_are_named(self, tmp_path):
        stems = make_stems()
        stems["vocals"][0, 10] = np.nan
        write_track(tmp_path / "song", stems)
        with pytest.raises(AudioError, match=r"vocals\.wav.* sample 10 .*NaN"):
            find(tmp_path)[0].load()

    def test_an_empty_folder_is_refused(self, tmp_path):
        with pytest.raises(AudioError, match="no track in"):
            find(tmp_path)

    def test_a_source_that_no_track_has_is_refused(self, tmp_path):
        stems = make_stems(sources=("vocals", "drums"))
        write_track(tmp_path / "song", stems)
        with pytest.raises(AudioError, match=r"no track in .* 'bass'.* drums, vocals"):
            find(tmp_path, sources=("vocals", "bass"))

    def test_two_mixtures_are_refused(self, tmp_path):
        folder = write_track(tmp_path / "song", make_stems())
        for name in ("mixture.wav", "mixture.flac"):
            soundfile.write(folder / name, np.zeros((8000, 2)), RATE)
        with pytest.raises(AudioError, match="two mixtures"):
            find(tmp_path)

    def test_the_root_of_a_data_set_with_training_tracks_is_refused(self, tmp_path):
        write_track(tmp_path / "train" / "a", make_stems())
        write_track(tmp_path / "test" / "b", make_stems())
        with pytest.raises(AudioError, match="name the part to evaluate on"):
            find(tmp_path)
        assert [track.name for track in find(tmp_path / "test")] == ["b"]

    def test_fingerprint_follows_the_content(self, tmp_path):
        folder = write_track(tmp_path / "song", make_stems())
        before = find(tmp_path)[0].fingerprint()
        assert find(tmp_path)[0].fingerprint() == before
        os.utime(folder / "bass.wav", ns=(1, 1))
        folder.rename(tmp_path / "renamed")
        assert find(tmp_path)[0].fingerprint() == before
        (tmp_path / "renamed" / "bass.wav").rename(tmp_path / "renamed" / "swap.wav")
        (tmp_path / "renamed" / "drums.wav").rename(tmp_path / "renamed" / "bass.wav")
        (tmp_path / "renamed" / "swap.wav").rename(tmp_path / "renamed" / "drums.wav")
        assert find(tmp_path)[0].fingerprint() != before


class TestReferences:
    @pytest.fixture
    def audio(self, data):
        return find(data)[0].load()

    def test_silence_and_mixture(self, audio):
        assert not reference_estimates(SILENCE, audio)["vocals"].any()
        assert np.array_equal(reference_estimates(MIXTURE, audio)["bass"], audio.mixture)

    def test_best_gain_is_the_optimum(self, audio):
        target = audio.targets["vocals"]
        gain = best_gain(audio.mixture, target)
        best = mdx_sdr(target, gain * audio.mixture)
        assert best > 0
        for other in (gain - 0.01, gain + 0.01):
            assert mdx_sdr(target, other * audio.mixture) < best
        estimate = reference_estimates(BEST_GAIN, audio)["vocals"]
        assert mdx_sdr(target, estimate) == pytest.approx(best, abs=1e-5)

    def test_best_gain_of_silence_is_zero(self):
        assert best_gain(np.zeros((2, 8)), np.ones((2, 8))) == 0.0

    def test_oracle_beats_every_other_reference_and_sums_to_the_mixture(self, audio):
        oracle = reference_estimates(ORACLE_MASK, audio)
        for source, target in audio.targets.items():
            gain = reference_estimates(BEST_GAIN, audio)[source]
            assert mdx_sdr(target, oracle[source]) > mdx_sdr(target, gain) + 1
        np.testing.assert_allclose(sum(oracle.values()), audio.mixture, atol=1e-5)

    def test_oracle_is_exact_where_sources_do_not_overlap(self, tmp_path):
        stems = {
            name: tone(hertz, num_samples=RATE, rate=RATE, gains=(0.1, 0.1))
            for name, hertz in zip(SOURCES, (250, 750, 1500, 3000), strict=True)
        }
        write_track(tmp_path / "tones", stems)
        audio = find(tmp_path)[0].load()
        oracle = reference_estimates(ORACLE_MASK, audio)
        assert min(mdx_sdr(audio.targets[name], oracle[name]) for name in SOURCES) > 25

    def test_oracle_gives_what_only_the_mixture_holds_to_nobody(self, tmp_path):
        stems = make_stems(sources=("vocals", "drums"))
        noise = make_stems(9)["other"]
        write_track(tmp_path / "song", stems, mixture=sum(stems.values()) + noise)
        audio = find(tmp_path, sources=("vocals", "drums"))[0].load()
        rest = audio.mixture - sum(reference_estimates(ORACLE_MASK, audio).values())
        assert mdx_sdr(noise, rest) > 3

    def test_unknown_reference(self, audio):
        with pytest.raises(KeyError, match="unknown reference"):
            reference_estimates("wishes", audio)


class TestScoring:
    def score(self, estimates, protocols=(MDX,)):
        stems = make_stems()
        mixture = sum(stems.values())
        return score_track(stems, estimates, mixture=mixture, sample_rate=RATE, protocols=protocols)

    def test_levels_come_along(self):
        stems = make_stems()
        scores = self.score(stems)
        energy = np.sum(sum(stems.values()).astype(float) ** 2)
        expected = 10 * np.log10(energy / np.sum(stems["bass"].astype(float) ** 2))
        assert scores[LEVEL_BELOW]["bass"] == pytest.approx(expected, abs=1e-4)

    def test_a_missing_estimate_is_named(self):
        stems = make_stems()
        del stems["bass"]
        with pytest.raises(ValueError, match="no estimate of 'bass'"):
            self.score(stems)

    def test_another_shape_is_named(self):
        estimates = {name: stem[:, 1:] for name, stem in make_stems().items()}
        with pytest.raises(ValueError, match=r"'vocals' has shape \(2, 7999\)"):
            self.score(estimates)

    def test_no_numbers_are_named(self):
        stems = make_stems()
        stems["drums"][:] = np.inf
        with pytest.raises(ValueError, match="'drums' holds samples that are no numbers"):
            self.score(stems)

    def test_every_quantity_of_a_protocol_is_there(self):
        stems = make_stems(seconds=0.2, channels=1, sources=("vocals", "drums"))
        estimates = {name: 0.9 * stem for name, stem in stems.items()}
        scores = score_track(
            stems,
            estimates,
            mixture=sum(stems.values()),
            sample_rate=RATE,
            protocols=(MDX, SI, BSSEVAL),
        )
        wanted = {q.name for protocol in (MDX, SI, BSSEVAL) for q in protocol.quantities}
        assert set(scores) == wanted | {LEVEL_BELOW}
        assert scores["bsseval_sdr"]["vocals"] == pytest.approx(20.0, abs=0.01)


class TestBootstrap:
    def test_statistics_leave_nan_out(self):
        scores = np.array([[1.0, np.nan], [np.nan, np.nan], [2.0, np.nan], [9.0, np.nan]])
        np.testing.assert_array_equal(over_tracks(scores, "mean"), [4.0, np.nan])
        np.testing.assert_array_equal(over_tracks(scores, "median"), [2.0, np.nan])
        even = np.array([[1.0], [2.0], [4.0], [10.0]])
        assert over_tracks(even, "median") == 3.0
        with pytest.raises(ValueError, match="unknown statistic"):
            over_tracks(even, "mode")

    def interval(self, values, **options):
        scores = np.asarray(values, dtype=float)[:, None]
        return bootstrap_interval(
            lambda draws: over_tracks(scores[draws], "mean"),
            num_tracks=len(scores),
            config=BootstrapConfig(**options),
        )

    def test_interval_of_a_mean_matches_the_normal_one(self):
        values = np.random.default_rng(1).standard_normal(400)
        low, high = self.interval(values)
        half = 1.96 * values.std() / math.sqrt(400)
        assert low[0] == pytest.approx(values.mean() - half, abs=0.01)
        assert high[0] == pytest.approx(values.mean() + half, abs=0.01)

    def test_seed_decides_the_interval(self):
        values = np.random.default_rng(5).standard_normal(30)
        assert self.interval(values, seed=3) == self.interval(values, seed=3)
        assert self.interval(values, seed=3) != self.interval(values, seed=4)

    def test_higher_confidence_is_wider(self):
        values = np.random.default_rng(2).standard_normal(20)
        narrow, wide = self.interval(values, confidence=0.5), self.interval(values)
        assert wide[0] < narrow[0] < narrow[1] < wide[1]

    def test_a_single_track_has_no_interval(self):
        low, high = self.interval([3.0])
        assert np.isnan(low).all()
        assert np.isnan(high).all()

    def test_settings_out_of_range(self):
        with pytest.raises(ValueError, match="confidence"):
            BootstrapConfig(confidence=1.0)
        with pytest.raises(ValueError, match="num_resamples"):
            BootstrapConfig(num_resamples=0)


class TestRunning:
    def test_scores_are_those_of_the_metrics(self, data):
        tracks = find(data)
        records = evaluate(tracks, [ScaledMixture(0.25)], protocols=[MDX])
        assert len(records) == (1 + len(REFERENCES)) * 3
        by_key = {(record.system, record.track): record for record in records}
        audio = tracks[0].load()
        for name, estimate in (
            ("scaled", (0.25 * audio.mixture).astype(np.float32)),
            (MIXTURE, audio.mixture),
        ):
            scores = by_key[name, "song 0"].scores["mdx_sdr"]
            for source in SOURCES:
                expected = mdx_sdr(audio.targets[source], estimate)
                assert scores[source] == pytest.approx(expected, abs=1e-9)
        assert by_key["scaled", "song 0"].separation_seconds is not None
        assert by_key[SILENCE, "song 0"].scores["mdx_sdr"]["drums"] == 0.0
        assert by_key[SILENCE, "song 2"].scores[LEVEL_BELOW]["bass"] is None

    def test_processes_change_no_number(self, data, tmp_path):
        tracks = find(data)
        alone = evaluate(tracks, [ScaledMixture()], protocols=[MDX, SI])
        many = evaluate(
            tracks, [ScaledMixture()], protocols=[MDX, SI], out=tmp_path / "out", num_jobs=2
        )

        def scores(records):
            return {(record.system, record.track): record.scores for record in records}

        assert scores(many) == scores(alone)
        assert len(list((tmp_path / "out" / "records").glob("*.json"))) == len(many)

    def test_a_failure_in_a_process_names_the_file(self, data):
        tracks, before = find(data), set(active_children())
        (data / "song 1" / "vocals.wav").write_bytes(b"gone bad since the check")
        with pytest.raises(AudioError, match=r"song 1.vocals\.wav"):
            evaluate(tracks, [], protocols=[MDX], num_jobs=2)
        assert set(active_children()) <= before

    def test_resumes_where_it_was(self, data, tmp_path):
        out, tracks = tmp_path / "out", find(data)
        interrupted = ScaledMixture(fail_at=3)
        with pytest.raises(KeyboardInterrupt):
            evaluate(tracks, [interrupted], protocols=[MDX], out=out)
        stored = [json.loads(path.read_text()) for path in (out / "records").iterdir()]
        assert sum(record["system"] == "scaled" for record in stored) == 2
        assert all(path.suffix == ".json" for path in (out / "records").iterdir())

        resumed = ScaledMixture()
        records = evaluate(tracks, [resumed], protocols=[MDX], out=out)
        assert resumed.num_separations == 1
        fresh = evaluate(tracks, [ScaledMixture()], protocols=[MDX])
        assert [r.scores for r in records] == [r.scores for r in fresh]

    def test_a_further_protocol_keeps_the_scores_of_the_first(self, data, tmp_path):
        out, tracks = tmp_path / "out", find(data)[:1]
        first = evaluate(tracks, [ScaledMixture()], protocols=[MDX], out=out)
        both = evaluate(tracks, [ScaledMixture()], protocols=[MDX, SI], out=out)
        again = ScaledMixture()
        evaluate(tracks, [again], protocols=[SI], out=out)
        assert again.num_separations == 0
        assert both[-1].scores["mdx_sdr"] == first[-1].scores["mdx_sdr"]
        assert set(both[-1].protocols) == {"mdx", "si"}

    def test_other_weights_or_files_are_scored_anew(self, data, tmp_path):
        out, tracks = tmp_path / "out", find(data)[:1]
        evaluate(tracks, [ScaledMixture(0.25)], protocols=[MDX], out=out)
        other = ScaledMixture(0.5)
        evaluate(tracks, [other], protocols=[MDX], out=out)
        assert other.num_separations == 1
        shutil.copy(data / "song 1" / "drums.wav", data / "song 0" / "drums.wav")
        changed = ScaledMixture(0.5)
        evaluate(find(data)[:1], [changed], protocols=[MDX], out=out)
        assert changed.num_separations == 1

    @pytest.mark.parametrize(
        "content",
        [
            *("", "{", "[]", "null", "[" * 100_000, '{"system": "scaled"}'),
            *({key: None} for key in ("protocols", "scores")),
            *({"protocols": value} for value in ([], {"mdx": 1})),
            *({"scores": value} for value in ({"mdx_sdr": 1.0}, {"mdx_sdr": {"vocals": "loud"}})),
            {"separation_seconds": "long"},
        ],
        ids=lambda content: str(content)[:40],
    )
    def test_a_broken_record_is_scored_anew(self, data, tmp_path, content, caplog):
        out, tracks = tmp_path / "out", find(data)[:1]
        evaluate(tracks, [ScaledMixture()], protocols=[MDX], out=out)
        for path in (out / "records").iterdir():
            if isinstance(content, str):
                path.write_text(content)
            else:
                path.write_text(json.dumps(json.loads(path.read_text()) | content))
        again = ScaledMixture()
        evaluate(tracks, [again], protocols=[MDX], out=out)
        assert again.num_separations == 1
        assert "is no record" in caplog.text

    def test_names_cannot_leave_the_folder(self, tmp_path):
        record = TrackRecord(
            system="../../up", track="/etc/passwd", fingerprint="f", protocols={}, scores={}
        )
        RecordStore(tmp_path / "out").write(record)
        (path,) = (tmp_path / "out" / "records").iterdir()
        assert path.name.startswith("etc-passwd-up-")
        found = RecordStore(tmp_path / "out").find(
            system="../../up", track="/etc/passwd", fingerprint="f"
        )
        assert found == record

    def test_a_system_with_fewer_sources(self, data):
        records = evaluate(find(data)[:1], [ScaledMixture(sources=("vocals",))], protocols=[MDX])
        assert set(records[-1].scores["mdx_sdr"]) == {"vocals"}

    @pytest.mark.parametrize(
        ("systems", "options", "words"),
        [
            ([ScaledMixture(), ScaledMixture()], {}, "'scaled' is taken"),
            ([ScaledMixture(name=SILENCE)], {}, "'silence' is taken"),
            ([ScaledMixture(sources=("piano",))], {}, "estimates piano, none of"),
            ([], {"num_jobs": 0}, "at least 1, got 0"),
            ([], {"protocols": []}, "nothing to evaluate"),
        ],
    )
    def test_refuses_what_makes_no_sense(self, data, systems, options, words):
        with pytest.raises(ValueError, match=words):
            evaluate(find(data), systems, **{"protocols": [MDX], **options})


class TestSummary:
    def test_nearly_absent_sources_are_reported_but_not_averaged(self, data):
        tracks = find(data)
        records = evaluate(tracks, [ScaledMixture()], protocols=[MDX])
        summary = summary_of(records, tracks)
        assert summary.absent == {("song 2", "bass"), ("song 2", "other")}
        row = next(row for row in summary.rows if row.system == "scaled")
        values = [
            record.scores["mdx_sdr"]["bass"]
            for record in records
            if record.system == "scaled" and record.track != "song 2"
        ]
        assert row.scores["bass"].value == pytest.approx(np.mean(values), abs=1e-9)
        assert row.scores["bass"].num_tracks == 2
        assert row.scores["vocals"].num_tracks == 3
        means = [row.scores[source].value for source in SOURCES]
        assert row.scores["mean"].value == pytest.approx(np.mean(means), abs=1e-9)

    def test_infinite_threshold_averages_all_but_silent_sources(self, data):
        tracks = find(data)
        records = evaluate(tracks, [], protocols=[MDX])
        summary = summary_of(records, tracks, systems=(), absent_db=math.inf)
        assert summary.absent == {("song 2", "bass")}

    def test_lead_over_best_gain_is_paired(self, data):
        tracks = find(data)
        records = evaluate(tracks, [ScaledMixture()], protocols=[MDX])
        summary = summary_of(records, tracks)
        rows = {row.system: row.scores["vocals"] for row in summary.rows}
        gain = summary.gains[0].scores["vocals"]
        assert gain.value == pytest.approx(rows["scaled"].value - rows[BEST_GAIN].value, abs=1e-9)
        assert gain.high - gain.low < rows[BEST_GAIN].high - rows[BEST_GAIN].low + 1e-9

    def test_bsseval_takes_medians_over_tracks(self):
        records = []
        for track, value in (("a", 1.0), ("b", 2.0), ("c", 9.0)):
            for name in ("scaled", *REFERENCES):
                quantities = {q.name: dict.fromkeys(SOURCES, value) for q in BSSEVAL.quantities}
                records.append(
                    TrackRecord(
                        system=name,
                        track=track,
                        fingerprint="",
                        protocols={},
                        scores={**quantities, LEVEL_BELOW: dict.fromkeys(SOURCES, 6.0)},
                    )
                )
        summary = summarise(
            records,
            sources=SOURCES,
            systems=["scaled"],
            references=list(REFERENCES),
            protocols=[BSSEVAL],
            tracks=["a", "b", "c"],
        )
        assert {row.scores["drums"].value for row in summary.rows} == {2.0}

    def test_unfinished_tracks_are_left_out(self, data):
        tracks = find(data)
        records = evaluate(tracks, [ScaledMixture()], protocols=[MDX])
        summary = summary_of(records[:-1], tracks)
        assert summary.tracks == ("song 0", "song 1")
        with pytest.raises(ValueError, match="no track is finished"):
            summary_of(records[:2], tracks)


class TestReports:
    @pytest.fixture
    def reported(self, data):
        tracks = find(data)
        systems = [ScaledMixture(), ScaledMixture(0.1, name="vocals|only", sources=("vocals",))]
        records = evaluate(tracks, systems, protocols=[MDX, SI])
        names = [system.name for system in systems]
        return summary_of(records, tracks, systems=names, protocols=(MDX, SI)), records

    def test_markdown_holds_every_system_and_reference_once_a_protocol(self, reported):
        summary, records = reported
        text = markdown_report(summary, records, title="Title", num_tracks_asked=3)
        head, tracks = text.split("## Tracks")
        mdx, si = head.split("## SI-SDR")
        for table in (mdx, si):
            for name in ("scaled", *(f"*{name}*" for name in REFERENCES)):
                assert table.count(f"\n| {name} |") == 1
        row = next(row for row in summary.rows if row.system == "scaled")
        assert f"| scaled | {row.scores['vocals'].value:.2f} [" in mdx
        assert "| *silence* | - | - | - | - | - |" in si
        assert "Not averaged: bass of song 2, other of song 2." in text
        assert "vocals\\|only" in mdx
        assert tracks.count("(-)") == 5
        assert "Partial" not in text

    def test_a_partial_report_says_so(self, reported):
        summary, records = reported
        text = markdown_report(summary, records, title="Title", num_tracks_asked=5)
        assert "**Partial: 3 of 5 tracks are finished.**" in text

    def test_json_holds_the_same_and_is_strict(self, reported):
        summary, records = reported
        facts = {"model": "m"}
        text = json_report(summary, records, num_tracks_asked=3, facts=facts)

        def refuse(constant):
            raise AssertionError(constant)

        content = json.loads(text, parse_constant=refuse)
        assert content["complete"] is True
        assert content["model"] == "m"
        row = next(row for row in summary.rows if row.system == "scaled")
        score = content["protocols"]["mdx"]["quantities"]["mdx_sdr"]["systems"]["scaled"]
        assert score["mean"]["value"] == row.scores["mean"].value
        assert score["mean"]["num_tracks"] == 3
        assert content["tracks"]["song 2"]["not_averaged"] == ["bass", "other"]
        assert content["tracks"]["song 2"]["level_below_mixture_db"]["bass"] is None

    def test_plot_has_a_bar_for_every_defined_score(self, reported, tmp_path):
        summary, _ = reported
        figure = draw_summary(summary, MDX)
        assert isinstance(figure, Figure)
        labels = [text.get_text() for text in figure.legends[0].get_texts()]
        assert labels == ["scaled", "vocals|only", *REFERENCES]
        assert len(figure.axes[0].patches) == 5 * (1 + len(REFERENCES)) + 2
        figure.savefig(tmp_path / "plot.png")
        labels = draw_summary(summary, SI).legends[0].get_texts()
        assert SILENCE not in [text.get_text() for text in labels]

    def test_published_scores_stand_apart(self, reported):
        summary, records = reported
        text = published_report(PUBLISHED_TABLES)
        assert "| LightSAFT-Net+ | 7.275 | 5.935 | 5.823 | 4.557 | 5.897 |" in text
        assert "| LaSAFT-Net | 7.33 | 5.68 | 5.63 | 4.87 | 5.88 |" in text
        measured = markdown_report(summary, records, title="Title", num_tracks_asked=3)
        assert not any(name in measured for table in PUBLISHED_TABLES for name in table.rows)


class TestProtocols:
    def test_parsing(self):
        assert parse_protocols("si, mdx,si") == (SI, MDX)
        assert parse_protocols("museval,bsseval") == (BSSEVAL,)
        with pytest.raises(UnknownNameError, match="unknown metric 'mdxx': did you mean 'mdx'"):
            parse_protocols("mdxx")
        with pytest.raises(ValueError, match="no metric given"):
            parse_protocols(" , ")
