"""The benchmark of two checkouts, on this one twice."""

import shutil

import pytest

from benchmarks import compare_checkouts
from benchmarks.compare_checkouts import ROOT

QUICK = ["--model", "lightsaft_tfctdf_tiny", "--seconds", "1", "--rounds", "2"]


def test_both_checkouts_are_timed_with_their_own_code(tmp_path, capsys):
    other = tmp_path / "other"
    for package in ("zoo", "blocks"):
        shutil.copytree(ROOT / package, other / package, ignore=shutil.ignore_patterns("*.pyc"))
    marker = tmp_path / "the_other_ran"
    with (other / "zoo" / "__init__.py").open("a") as file:
        file.write(f"\nfrom pathlib import Path as _Path\n_Path({str(marker)!r}).touch()\n")
    compare_checkouts.main(["--other", str(other), *QUICK])
    assert marker.exists()
    rows = [line.strip("| ").split(" | ") for line in capsys.readouterr().out.splitlines()[-2:]]
    assert [row[0] for row in rows] == ["4", "1"]
    for _, other_seconds, here_seconds, ratio, _ in rows:
        assert min(map(float, (other_seconds, here_seconds, ratio))) > 0


def test_a_checkout_that_fails_is_said(tmp_path):
    (tmp_path / "zoo.py").write_text("raise SystemExit('no zoo here')")
    with pytest.raises(RuntimeError, match="has ended"):
        compare_checkouts.main(["--other", str(tmp_path), *QUICK])


def test_the_other_checkout_is_asked_for(capsys):
    with pytest.raises(SystemExit):
        compare_checkouts.main([])
    assert "--other is missing" in capsys.readouterr().err
