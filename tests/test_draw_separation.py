"""The script that draws estimates against the truth."""

import types

from benchmarks import draw_separation
from tests.evaluation_tracks import SOURCES, make_stems, write_track
from zoo.evaluation.tracks import find_evaluation_tracks


def test_picture_pairs_truth_and_estimate(tmp_path):
    write_track(tmp_path / "data" / "song 0", make_stems())
    (track, *_) = find_evaluation_tracks(tmp_path / "data", sources=SOURCES)

    def separate(audio):
        mixture, _ = audio
        return types.SimpleNamespace(stems=dict.fromkeys(SOURCES, 0.25 * mixture))

    path = draw_separation.draw_track(
        separate, track, start=0.25, end=0.75, out=tmp_path / "images"
    )
    assert path == tmp_path / "images" / "separation-song-0.webp"
    assert path.read_bytes()[8:12] == b"WEBP"
    stems = make_stems()
    panels = draw_separation.comparison_panels(stems, {name: 0.9 * s for name, s in stems.items()})
    assert list(panels)[:2] == ["vocals: truth", "vocals: estimate (20.0 dB SDR here)"]
