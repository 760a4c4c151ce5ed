"""Which songs a run finds, which folders they get, and what is left out and why."""

import os
import shutil
import subprocess
import sys

import pytest
from signals import write_song
from waiting import PATIENCE

from zoo.audio.finding import count_reasons, scan_folder
from zoo.cli import main
from zoo.errors import AudioError
from zoo.separation.naming import check_template, file_name, fold, safe_name
from zoo.separation.planning import plan_separations

RATE = 44100
TINY = ["-m", "lightsaft_tfctdf_tiny", "-w", "random", "--device", "cpu", "--backend", "torch"]


def touch(path):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"")
    return path


def folders(plan, output):
    return {
        str(song.path.name if song.path.parent == output else song.path): str(
            song.folder.relative_to(output)
        )
        for song in plan.songs
    }


def plan_folders(inputs, output):
    return sorted(
        str(song.folder.relative_to(output)) for song in plan_separations(inputs, output).songs
    )


def separate(*arguments):
    return main(["separate", *TINY, *map(str, arguments)])


class TestFolders:
    @pytest.mark.parametrize(
        ("names", "expected"),
        [
            (["CD1/01.wav", "CD2/01.wav"], ["CD1/01", "CD2/01"]),
            (["CD1/01.wav", "CD1/02.wav"], ["01", "02"]),
            (["a.wav", "a.flac"], ["a.flac", "a.wav"]),
            (["x/CD1/01.wav", "y/CD1/01.wav"], ["x/CD1/01", "y/CD1/01"]),
            (["a/Song.wav", "b/song.wav"], ["a/Song", "b/song"]),
            (
                ["1/a.wav", "1/a.mp3", "2/a.wav", "2/a.mp3"],
                ["1/a.mp3", "1/a.wav", "2/a.mp3", "2/a.wav"],
            ),
            (["a/con.wav", "a/x ..wav", "a/...wav"], ["_", "con_", "x"]),
        ],
    )
    def test_songs_that_would_meet_are_told_apart(self, tmp_path, names, expected):
        paths = [touch(tmp_path / "in" / name) for name in names]
        assert plan_folders(paths, tmp_path / "out") == expected

    def test_the_tree_below_each_argument_is_kept(self, tmp_path):
        for name in ("A/CD1/01.wav", "A/CD2/01.wav", "B/CD1/01.wav"):
            touch(tmp_path / name)
        assert plan_folders([tmp_path / "A"], tmp_path / "out") == ["CD1/01", "CD2/01"]
        together = plan_folders([tmp_path / "A", tmp_path / "B"], tmp_path / "out")
        assert together == ["A/CD1/01", "B/CD1/01", "CD2/01"]

    def test_a_song_named_twice_is_separated_once(self, tmp_path):
        song = touch(tmp_path / "in" / "a.wav")
        (tmp_path / "link.wav").symlink_to(song)
        inputs = [song, tmp_path / "in", tmp_path / "link.wav", tmp_path / "in" / ".." / "in"]
        assert plan_folders(inputs, tmp_path / "out") == ["a"]

    def test_separate_calls_do_not_replace_another_songs_stems(self, tmp_path, capsys):
        first = write_song(tmp_path / "CD1" / "01.wav", seed=1)
        second = write_song(tmp_path / "CD2" / "01.wav", seed=2)
        out = tmp_path / "out"
        assert separate(first, "-o", out) == 0
        before = (out / "01" / "vocals.wav").read_bytes()
        assert separate(second, "-o", out) == 1
        assert "holds the stems of another song, 01.wav" in capsys.readouterr().err
        assert (out / "01" / "vocals.wav").read_bytes() == before
        assert separate(second, "-o", out, "--overwrite") == 0
        assert (out / "01" / "vocals.wav").read_bytes() != before

    def test_a_song_that_was_edited_in_its_place_is_separated_again(self, tmp_path, capsys):
        song = write_song(tmp_path / "a.wav", seed=1)
        separate(song, "-o", tmp_path / "out")
        write_song(song, seed=2)
        capsys.readouterr()
        assert separate(song, "-o", tmp_path / "out") == 0
        assert "complete already" not in capsys.readouterr().out

    def test_patterns_that_no_shell_expanded_stand_for_files(self, tmp_path):
        for name in ("a1.wav", "a2.wav", "b.wav", "a[1].flac"):
            touch(tmp_path / name)
        assert plan_folders([f"{tmp_path}/a?.wav"], tmp_path / "out") == ["a1", "a2"]
        assert plan_folders([tmp_path / "a[1].flac"], tmp_path / "out") == ["a[1]"]
        with pytest.raises(AudioError, match=r"c\*\.wav: no file fits"):
            plan_separations([f"{tmp_path}/c*.wav"], tmp_path / "out")


class TestInputsWithoutSongs:
    def test_do_not_stop_the_others(self, tmp_path, capsys):
        song = write_song(tmp_path / "a.wav")
        touch(tmp_path / "album 1" / "notes.txt")
        write_song(tmp_path / "album 2" / "b.wav")
        (tmp_path / "album 3").mkdir()
        inputs = [f"{tmp_path}/none*", f"{tmp_path}/album *", song, tmp_path / "gone.wav"]
        assert separate(*inputs, "-o", tmp_path / "out") == 1
        captured = capsys.readouterr()
        errors = [line for line in captured.err.splitlines() if line.startswith("error: ")]
        assert errors == [
            f"error: {tmp_path}/none*: no file fits this pattern",
            f"error: {tmp_path}/album 1: no audio files in this folder (1 not audio by name)",
            f"error: {tmp_path}/album 3: no audio files in this folder",
            f"error: gone.wav: {tmp_path}/gone.wav: no such file",
        ]
        assert "4 of 6 failed" in captured.err
        assert (tmp_path / "out" / "a" / "vocals.wav").is_file()
        assert (tmp_path / "out" / "b" / "vocals.wav").is_file()

    def test_are_named_before_any_work_where_there_are_no_others(self, tmp_path, capsys):
        for name in ("one", "two"):
            (tmp_path / name).mkdir()
        assert separate(tmp_path / "one", tmp_path / "two", "-o", tmp_path / "out") == 1
        (line,) = capsys.readouterr().err.splitlines()
        assert line == (
            f"error: {tmp_path / 'one'}: no audio files in this folder; "
            f"{tmp_path / 'two'}: no audio files in this folder"
        )
        assert not (tmp_path / "out").exists()


class TestStemsAreNoSongs:
    @pytest.fixture
    def album(self, tmp_path):
        write_song(tmp_path / "album" / "a.wav")
        return tmp_path / "album"

    @pytest.mark.parametrize("output", ["album", "album/../album", "link", "album/stems"])
    def test_a_second_run_finds_the_song_alone(self, tmp_path, album, output, capsys):
        (tmp_path / "link").symlink_to(album)
        assert separate(album, "-o", tmp_path / output) == 0
        capsys.readouterr()
        assert separate(album, "-o", tmp_path / output) == 0
        captured = capsys.readouterr()
        assert captured.out.splitlines()[1:] == [
            f"a.wav: complete already in {tmp_path / output / 'a'}"
        ]

    def test_those_of_another_output_folder_are_left_out_with_the_reason(
        self, tmp_path, album, capsys
    ):
        separate(album, "-o", album / "first")
        separate(album, "-o", album / "first", "-f", "flac")
        capsys.readouterr()
        assert separate(album, "-o", album / "second") == 0
        captured = capsys.readouterr()
        assert captured.out.count("a.wav: 0.5 s") == 1
        assert "8 stems of an earlier separation" in captured.err
        (album / "a.wav").unlink()
        with pytest.raises(AudioError, match=r"no audio files.*\d+ stems of an earlier"):
            plan_separations([album], tmp_path / "third")


class TestScan:
    def test_everything_is_found_or_accounted_for(self, tmp_path):
        root = tmp_path / "root"
        for name in ("b.WAV", "a.flac", "sub/c.mp3", "sub/notes.txt", ".hidden.wav", ".git/d.wav"):
            touch(root / name)
        touch(root / "$RECYCLE.BIN" / "e.wav")
        touch(tmp_path / "elsewhere" / "f.ogg")
        (root / "linked").symlink_to(tmp_path / "elsewhere")
        (root / "zagain").symlink_to(root / "sub")
        (root / "sub" / "circle").symlink_to(root)
        (root / "z.flac").symlink_to(root / "a.flac")
        (root / "broken.wav").symlink_to(tmp_path / "nowhere.wav")
        os.mkfifo(root / "pipe.wav")
        scan = scan_folder(root)
        names = [str(path.relative_to(root)) for path in scan.files]
        assert names == ["a.flac", "b.WAV", "linked/f.ogg", "sub/c.mp3"]
        reasons = {str(file.path.relative_to(root)): file.reason for file in scan.skipped}
        assert reasons == {
            ".hidden.wav": "hidden",
            ".git": "hidden",
            "$RECYCLE.BIN": "in a trash folder",
            "sub/notes.txt": "not audio by name",
            "sub/circle": "found under another name",
            "zagain": "found under another name",
            "z.flac": "found under another name",
            "broken.wav": "unreadable",
            "pipe.wav": "no regular file",
        }
        assert count_reasons(scan.skipped).startswith("3 found under another name, 2 hidden")

    def test_a_folder_that_cannot_be_listed_is_said(self, tmp_path, monkeypatch):
        touch(tmp_path / "a.wav")
        (tmp_path / "locked").mkdir()
        listdir = os.listdir

        def refuse(path):
            if str(path).endswith("locked"):
                raise PermissionError(13, "Permission denied", str(path))
            return listdir(path)

        monkeypatch.setattr(os, "listdir", refuse)
        scan = scan_folder(tmp_path)
        assert [path.name for path in scan.files] == ["a.wav"]
        assert [(file.path.name, file.reason) for file in scan.skipped] == [
            ("locked", "unreadable")
        ]


class TestNames:
    @pytest.mark.parametrize(
        ("name", "safe"),
        [
            ("plain", "plain"),
            ("..", "_"),
            ("", "_"),
            (". .", "_"),
            ("a/b\\c", "a_b_c"),
            ("NUL", "NUL_"),
            ("lpt1.txt", "lpt1_.txt"),
            ("console", "console"),
            ("line\nbreak\x00", "line_break_"),
            ("ends in dots...", "ends in dots"),
            ("\u00fc" * 300, "\u00fc" * 100),
        ],
    )
    def test_are_safe_on_every_system(self, name, safe):
        assert safe_name(name) == safe
        assert safe_name(safe) == safe

    def test_that_are_one_on_some_system_fold_alike(self):
        assert fold("Caf\u00e9") == fold("CAFE\u0301")
        assert fold("a") != fold("b")

    def test_templates_name_files(self, tmp_path, capsys):
        assert check_template("{song} - {stem}") == "{song} - {stem}"
        name = file_name("{song} - {stem}", song="S" * 400, stem="vocals", model="m")
        assert name.endswith("S - vocals")
        assert len(name) == 200
        song = write_song(tmp_path / "My song.wav")
        options = [
            "-o",
            tmp_path / "out",
            "--name",
            "{song} - {stem} ({model})",
            "-s",
            "bass, drums",
        ]
        assert separate(song, *options) == 0
        wavs = sorted(path.name for path in (tmp_path / "out" / "My song").glob("*.wav"))
        assert wavs == [
            "My song - bass (lightsaft_tfctdf_tiny).wav",
            "My song - drums (lightsaft_tfctdf_tiny).wav",
        ]

    @pytest.mark.parametrize(
        ("template", "message"),
        [
            ("{song}", r"lacks \{stem\}"),
            ("{stm}", "unknown field 'stm': did you mean 'stem'"),
            ("../{stem}", "plain file name"),
            ("{stem", "no template"),
            ("{stem!r}", "takes no format"),
            ("{stem:>99999}", "takes no format"),
            ("{stem.__class__}", "unknown field"),
            ("{0}{stem}", "unknown field"),
            ("{}{stem}", "unknown field"),
        ],
    )
    def test_wrong_templates_are_refused(self, template, message):
        with pytest.raises(ValueError, match=message):
            check_template(template)


@pytest.mark.skipif(os.name == "nt", reason="names on Windows are text")
def test_a_name_that_is_no_text_and_a_console_that_cannot_show_one(tmp_path):
    song = write_song(tmp_path / "a.wav")
    (tmp_path / "in").mkdir()
    for name in (b"caf\xe9.wav", "\u66f2.wav".encode()):
        shutil.copy(song, tmp_path / "in" / os.fsdecode(name))
    done = subprocess.run(
        [sys.executable, "-m", "zoo", "separate", *TINY, tmp_path / "in", "-o", tmp_path / "out"],
        env=os.environ | {"PYTHONIOENCODING": "cp1252"},
        capture_output=True,
        timeout=PATIENCE,
    )
    assert done.returncode == 0, done.stderr
    assert b"caf\\udce9.wav: 0.5 s in" in done.stdout
    assert b"\\u66f2.wav: 0.5 s in" in done.stdout
    assert sorted(os.fsencode(path.name) for path in (tmp_path / "out").iterdir()) == [
        b"RANDOM_WEIGHTS.txt",
        b"caf\xe9",
        "\u66f2".encode(),
    ]
