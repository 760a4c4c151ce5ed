"""Whole files, digests and tables."""

import hashlib
import os
import time
from pathlib import Path

import pytest
import torch

from zoo.records.files import (
    digest_of,
    hash_file,
    open_whole,
    partial_path,
    remove_stale_partials,
    write_whole,
)
from zoo.records.tables import markdown_table, plain_table
from zoo.weights.digest import digest_tensors


def test_a_file_is_replaced_at_once_and_nothing_else_is_left(tmp_path):
    path = tmp_path / "a.txt"
    write_whole(path, "first")
    write_whole(path, "zweite \u00fc")
    assert path.read_text(encoding="utf-8") == "zweite \u00fc"
    assert list(tmp_path.iterdir()) == [path]


def test_a_failure_while_writing_leaves_the_old_file_and_no_partial_one(tmp_path):
    path = tmp_path / "a.bin"
    write_whole(path, b"old")

    def fail():
        with open_whole(path) as file:
            file.write(b"half of the n")
            raise RuntimeError("power cut")

    with pytest.raises(RuntimeError, match="power"):
        fail()
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def age(path):
    an_hour_ago = time.time() - 3601
    os.utime(path, (an_hour_ago, an_hour_ago), follow_symlinks=False)


def test_only_partial_files_of_long_ago_are_removed(tmp_path):
    old, new = partial_path(tmp_path / "a.wav"), partial_path(tmp_path / "a.wav")
    folder, link = partial_path(tmp_path / "model"), partial_path(tmp_path / "link")
    others = tmp_path / ".mine.partial"
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    for file in (old, new, others, elsewhere / "kept"):
        file.write_bytes(b"x")
    folder.mkdir()
    (folder / "unet.xml").write_bytes(b"x")
    link.symlink_to(elsewhere)
    for path in (old, folder, link, others):
        age(path)
    remove_stale_partials(tmp_path)
    assert sorted(tmp_path.iterdir()) == sorted([new, others, elsewhere])
    assert [path.name for path in elsewhere.iterdir()] == ["kept"]


def test_a_partial_file_that_cannot_be_removed_stops_nobody(tmp_path, monkeypatch):
    first, second = sorted(partial_path(tmp_path / name) for name in ("a.wav", "b.wav"))
    for file in (first, second):
        file.write_bytes(b"x")
        age(file)
    unlink = Path.unlink

    def refuse(path):
        if path == first:
            raise PermissionError(13, "Permission denied", str(path))
        unlink(path)

    monkeypatch.setattr(Path, "unlink", refuse)
    remove_stale_partials(tmp_path)
    assert list(tmp_path.iterdir()) == [first]


def test_a_files_digest_is_that_of_its_bytes_behind_the_prefix(tmp_path):
    path = tmp_path / "a.bin"
    path.write_bytes(b"abc" * 1_000_000)
    assert hash_file(path) == hashlib.sha256(b"abc" * 1_000_000).hexdigest()
    expected = hashlib.sha1(b"blob 3000000\0" + b"abc" * 1_000_000).hexdigest()
    assert hash_file(path, "sha1", prefix=b"blob 3000000\0") == expected


def test_facts_are_identified_by_content_and_not_by_order():
    assert digest_of({"a": 1, "b": 2}) == digest_of({"b": 2, "a": 1})
    assert digest_of({"a": 1, "b": 2}) != digest_of({"a": 1, "b": 3})
    assert digest_of({"a": 1}) != digest_of({"a": "1"})


def test_tensors_are_identified_by_name_shape_type_and_value():
    ones = torch.ones(2, 3)
    digest = digest_tensors({"a": ones, "b": ones})
    assert digest == digest_tensors({"b": ones.clone(), "a": ones.t().contiguous().t()})
    changed = [
        {"a": ones, "c": ones},
        {"a": ones, "b": ones.t()},
        {"a": ones, "b": ones.double()},
        {"a": ones, "b": torch.nextafter(ones, 2 * ones)},
    ]
    assert digest not in {digest_tensors(other) for other in changed}


def test_no_cell_breaks_a_markdown_table():
    table = markdown_table(("a", "b"), [("x|y\nz", "1")], align=("left", "right"))
    assert table.splitlines() == ["| a | b |", "| :-- | --: |", "| x\\|y z | 1 |"]


def test_numbers_stand_to_the_right_on_the_terminal():
    table = plain_table(("name", "n"), [("tiny", "7"), ("b", "1,000"), ("c", "-")])
    assert table.splitlines() == ["name      n", "tiny      7", "b     1,000", "c         -"]
