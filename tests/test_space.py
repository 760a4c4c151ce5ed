"""spaces_config.yaml, README's front matter and the push of a Space to a stand-in Hub."""

import dataclasses
import io
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from servers import hub_server

from zoo.cli import main
from zoo.publishing.space import front_matter, prepare_push, readme_with_front_matter, write_readme
from zoo.publishing.space_config import SpaceConfigError, load_space_config

ROOT = Path(__file__).resolve().parents[1]
CONFIG = ROOT / "spaces_config.yaml"


def write_config(folder: Path, change) -> Path:
    data = yaml.safe_load(CONFIG.read_text(encoding="utf-8"))
    change(data)
    path = folder / "spaces_config.yaml"
    path.write_text(yaml.safe_dump(data), encoding="utf-8")
    return path


def test_the_packaged_config_is_valid_and_names_the_keys_the_hub_reads():
    config = load_space_config(CONFIG)
    metadata = yaml.safe_load(front_matter(config).strip("-\n"))
    assert metadata["sdk"] == "gradio"
    assert metadata["app_file"] == "app.py"
    assert metadata["python_version"] == "3.12.12"
    assert metadata["colorFrom"] == config.space.color_from
    assert (ROOT / metadata["app_file"]).name == "app.py"


def test_gpu_seconds_grow_with_the_length_up_to_the_limit(tmp_path):
    def change(data):
        data["models"] = [{"name": "a", "startup_seconds": 10, "seconds_per_minute": 4.5}]
        data["limits"]["gpu_max_seconds"] = 60

    config = load_space_config(write_config(tmp_path, change))
    assert config.gpu_seconds("a", audio_seconds=60) == 15  # 10 + 4.5, rounded up
    assert config.gpu_seconds("a", audio_seconds=3600) == 60
    thrice = dataclasses.replace(config.models[0], pitches=3)
    slower = dataclasses.replace(config, models=(thrice,))
    assert slower.gpu_seconds("a", audio_seconds=60) == 24  # 10 + 3 * 4.5, rounded up
    with pytest.raises(SpaceConfigError, match="'b' is not offered, expected one of a"):
        config.gpu_seconds("b", audio_seconds=1)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda d: d.pop("limits"), ": limits: missing"),
        (
            lambda d: d.update(extra=1),
            ": extra: unknown key 'extra': Known: space, models, limits.",
        ),
        (
            lambda d: d["space"].update(color_to="teal"),
            "space.color_to: unknown value 'teal': did you mean 'yellow'? ",
        ),
        (
            lambda d: d["space"].update(python_version=3.12),
            "space.python_version: must be text, got float '3.12'",
        ),
        (lambda d: d["space"].update(tags="music"), "space.tags: must be a list, got str 'music'"),
        (
            lambda d: d["space"].update(short_description="x" * 61),
            "space.short_description: must have 0 to 60 characters, got 61",
        ),
        (lambda d: d.update(models=[]), "models: must have 1 to 100 items, got 0"),
        (lambda d: d["models"].append(dict(d["models"][0])), "offered twice"),
        (
            lambda d: d["models"][0].update(startup_seconds=0),
            "models[0].startup_seconds: must be above 0, got 0",
        ),
        (
            lambda d: d["models"][0].update(pitches=2),
            "models[0].pitches: must be one of 1, 3, 5, 7, got int '2'",
        ),
        (
            lambda d: d["models"][0].update(pitches="3"),
            "models[0].pitches: must be one of 1, 3, 5, 7, got str '3'",
        ),
        (
            lambda d: d["limits"].update(max_seconds=float("nan")),
            "limits.max_seconds: must be a finite number, got nan",
        ),
        (
            lambda d: d["limits"].update(queue_size=True),
            "limits.queue_size: must be an integer, got bool 'True'",
        ),
        (
            lambda d: d["limits"].update(queue_size=None),
            "limits.queue_size: must be an integer, got nothing",
        ),
        (lambda d: d.update(limits=[1]), "limits: must be a mapping, got list"),
    ],
)
def test_a_bad_config_names_the_key_and_what_was_expected(tmp_path, change, message):
    with pytest.raises(SpaceConfigError) as caught:
        load_space_config(write_config(tmp_path, change))
    assert message in str(caught.value)
    assert str(tmp_path) in str(caught.value)


def test_a_missing_or_unreadable_config_says_so(tmp_path):
    with pytest.raises(SpaceConfigError, match="does not exist"):
        load_space_config(tmp_path / "none.yaml")
    (tmp_path / "bad.yaml").write_text("space: [", encoding="utf-8")
    with pytest.raises(SpaceConfigError, match="not valid YAML"):
        load_space_config(tmp_path / "bad.yaml")


def test_the_readme_keeps_its_text_and_writing_twice_changes_nothing(tmp_path):
    write_config(tmp_path, lambda data: None)
    (tmp_path / "README.md").write_text("# Title\n\n---\n\nText\n", encoding="utf-8")
    assert write_readme(tmp_path) is True
    assert write_readme(tmp_path) is False
    text = (tmp_path / "README.md").read_text(encoding="utf-8")
    assert text.endswith("# Title\n\n---\n\nText\n")
    assert text.startswith(front_matter(load_space_config(CONFIG)))


def test_a_readme_is_needed_to_write_its_front_matter(tmp_path):
    write_config(tmp_path, lambda data: None)
    with pytest.raises(SpaceConfigError, match=r"README\.md does not exist"):
        write_readme(tmp_path)


def test_the_repositorys_readme_holds_the_generated_front_matter():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert readme == readme_with_front_matter(readme, load_space_config(CONFIG)), (
        "run `python -m zoo space --write-readme`"
    )


def test_the_command_says_what_it_needs(capsys):
    assert main(["space"]) == 1
    assert "--write-readme" in capsys.readouterr().err
    assert main(["space", "push"]) == 1
    assert "push USER/NAME" in capsys.readouterr().err


@pytest.fixture
def hub():
    with hub_server() as server:
        yield server


@pytest.fixture
def checkout(tmp_path):
    root = tmp_path / "checkout"
    (root / "zoo" / "__pycache__").mkdir(parents=True)
    (root / "tests").mkdir()
    for name in ("app.py", "requirements.txt", "LICENSE", "zoo/a.py", "tests/secret.py"):
        (root / name).write_text("x\n", encoding="utf-8")
    (root / "zoo" / "__pycache__" / "a.pyc").write_text("x", encoding="utf-8")
    (root / "zoo" / "a.pyi").write_text("x", encoding="utf-8")
    (root / "README.md").write_text("# Zoo\n", encoding="utf-8")
    write_config(root, lambda data: None)
    return root


def push(checkout, hub, tmp_path, *options, answer=""):
    environment = {
        "HF_ENDPOINT": hub.address,
        "HF_HOME": str(tmp_path / "hf"),
        "HF_TOKEN": "hf_stand_in",
        "PATH": "/usr/bin:/bin",
        "PYTHONPATH": str(ROOT),
    }
    command = [sys.executable, "-m", "zoo", "space", "push", "visitor/zoo", "--root", str(checkout)]
    return subprocess.run(
        [*command, *options],
        env=environment,
        input=answer,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def git(checkout, *arguments):
    identity = ("-c", "user.name=somebody", "-c", "user.email=somebody@example.org")
    subprocess.run(["git", *identity, *arguments], cwd=checkout, check=True, capture_output=True)


SENT = ["LICENSE", "README.md", "app.py", "requirements.txt", "spaces_config.yaml", "zoo/a.py"]


def test_push_creates_the_space_and_sends_only_what_it_runs_on(checkout, hub, tmp_path):
    write_readme(checkout)
    done = push(checkout, hub, tmp_path, "--yes")
    assert done.returncode == 0, done.stderr
    assert f"{hub.address}/spaces/visitor/zoo" in done.stdout
    created = hub.created[0]
    assert (created["type"], created["sdk"]) == ("space", "gradio")
    assert sorted(hub.repositories["visitor/zoo"]) == SENT
    assert hub.repositories["visitor/zoo"]["zoo/a.py"] == b"x\n"


def test_push_refuses_a_readme_out_of_date_and_a_partial_checkout(checkout, capsys):
    command = ["space", "push", "visitor/zoo", "--root", str(checkout), "--yes"]
    assert main(command) == 1
    assert "--write-readme" in capsys.readouterr().err
    (checkout / "app.py").unlink()
    assert main(command) == 1
    assert "has no app.py" in capsys.readouterr().err


def test_push_lists_and_asks_before_anything_is_sent(checkout, hub, tmp_path, monkeypatch, capsys):
    write_readme(checkout)
    command = ["space", "push", "visitor/zoo", "--root", str(checkout)]
    monkeypatch.setattr("zoo.publishing.space.push_space", lambda *_, **__: pytest.fail("sent"))
    for answer in ("n\n", "\n"):
        monkeypatch.setattr("sys.stdin", io.StringIO(answer))
        assert main(command) == 1
        told = capsys.readouterr().out
        assert all(f"  {name}\n" in told for name in SENT)
        assert "send these files to visitor/zoo? [y/N]" in told
        assert "nothing was sent" in told
    monkeypatch.setattr("sys.stdin", io.StringIO(""))
    assert main(command) == 1
    assert "give --yes" in capsys.readouterr().err
    assert push(checkout, hub, tmp_path, answer="y\n").returncode == 0
    assert sorted(hub.repositories["visitor/zoo"]) == SENT


def fill(checkout, tmp_path):
    """Put into a checkout what must stay; returns why each does."""
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "private.py").write_text("private\n", encoding="utf-8")
    for name in ("zoo/weights", "zoo/.hidden", "zoo/secrets", "blocks"):
        (checkout / name).mkdir(parents=True)
    (checkout / "zoo" / "linked.py").symlink_to(outside / "private.py")
    (checkout / "blocks" / "linked").symlink_to(outside)
    (checkout / "zoo" / "large.py").write_bytes(bytes((10 << 20) + 1))
    for name in ("tiny.yaml", "tiny.mine.safetensors", "other.mine.safetensors", "e.ckpt"):
        (checkout / "zoo" / "weights" / name).write_bytes(b"weights")
    for name in (".env.py", ".hidden/a.py", "secrets/a.py", "hf_token.yaml", "password.md"):
        (checkout / "zoo" / name).write_text("x\n", encoding="utf-8")
    return {
        "zoo/linked.py": "a link",
        "zoo/large.py": "larger than 10 MB",
        "zoo/weights/other.mine.safetensors": "a checkpoint",
        "zoo/weights/e.ckpt": "a checkpoint",
        "zoo/.env.py": "a hidden name",
        "zoo/.hidden/a.py": "a hidden name",
        "zoo/secrets/a.py": "may hold a secret",
        "zoo/hf_token.yaml": "may hold a secret",
        "zoo/password.md": "may hold a secret",
    }


def test_what_is_private_stays_outside_git(checkout, tmp_path):
    write_readme(checkout)
    staying = fill(checkout, tmp_path)
    files = prepare_push(checkout)
    packaged = ["zoo/weights/tiny.mine.safetensors", "zoo/weights/tiny.yaml"]
    assert sorted(files.content) == sorted([*SENT, *packaged])
    assert files.left_out == staying


def test_what_is_private_stays_though_git_tracks_it(checkout, tmp_path):
    write_readme(checkout)
    staying = fill(checkout, tmp_path)
    for name in ("key.pem", "id_rsa", "token"):
        (checkout / "zoo" / name).write_text("x\n", encoding="utf-8")
    git(checkout, "init", "-q")
    git(checkout, "add", "-f", ".")
    files = prepare_push(checkout)
    packaged = ["zoo/weights/tiny.mine.safetensors", "zoo/weights/tiny.yaml"]
    made = ["zoo/__pycache__/a.pyc", "zoo/a.pyi"]
    assert sorted(files.content) == sorted([*SENT, *packaged, *made])
    keys = dict.fromkeys(("zoo/key.pem", "zoo/id_rsa", "zoo/token"), "may hold a secret")
    assert files.left_out == staying | keys | {"blocks/linked": "a link"}


def test_in_a_git_repository_only_tracked_files_are_sent(checkout, tmp_path):
    write_readme(checkout)
    git(checkout, "init", "-q")
    git(checkout, "add", *SENT)
    (checkout / "zoo" / "notes.md").write_text("mine\n", encoding="utf-8")
    assert sorted(prepare_push(checkout).content) == SENT
    git(checkout, "rm", "-q", "--cached", "app.py")
    with pytest.raises(SpaceConfigError, match=r"git tracks in .* no app\.py"):
        prepare_push(checkout)
    (checkout / ".git" / "HEAD").unlink()
    with pytest.raises(SpaceConfigError, match="git does not list its files"):
        prepare_push(checkout)


@pytest.mark.parametrize(
    "secret",
    [
        "TOKEN = 'hf_" + "a1B2" * 9 + "'",
        "ghp_" + "a1B2" * 9,
        "AKIA" + "A1B2" * 4,
        "-----BEGIN OPENSSH PRIVATE " + "KEY-----",
    ],
)
def test_a_file_that_holds_a_token_stops_the_push(checkout, secret):
    write_readme(checkout)
    (checkout / "zoo" / "a.py").write_text(f"x = 1\n# {secret}\n", encoding="utf-8")
    with pytest.raises(SpaceConfigError, match=r"a\.py holds what looks like a token"):
        prepare_push(checkout)


def test_this_checkout_can_be_pushed():
    files = prepare_push(ROOT)
    assert files.left_out == {}
    assert {"app.py", "zoo/cli/__init__.py", "blocks/registry.py"} <= files.content.keys()
    assert not [name for name in files.content if name.startswith(("tests/", "benchmarks/"))]
    assert files.num_bytes < 20 << 20
