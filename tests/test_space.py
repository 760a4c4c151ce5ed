"""spaces_config.yaml, README's front matter and the push of a Space to a stand-in Hub."""

import dataclasses
import json
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import yaml

from zoo.cli import main
from zoo.publishing.space import front_matter, readme_with_front_matter, write_readme
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
        (lambda d: d.pop("limits"), "top level: limits missing"),
        (lambda d: d.update(extra=1), "top level: unknown extra, expected space, models, limits"),
        (lambda d: d["space"].update(color_to="teal"), "space.color_to: got 'teal'"),
        (lambda d: d["space"].update(python_version=3.12), "python_version: got float 3.12"),
        (lambda d: d["space"].update(tags="music"), "space.tags: got str, expected a list"),
        (lambda d: d["space"].update(short_description="x" * 61), "got 61 characters"),
        (lambda d: d.update(models=[]), "models: got an empty list"),
        (lambda d: d["models"].append(d["models"][0]), "offered twice"),
        (lambda d: d["models"][0].update(startup_seconds=0), "startup_seconds: got 0"),
        (lambda d: d["models"][0].update(pitches=2), "got pitches=2; expected 1, 3, 5 or 7"),
        (lambda d: d["models"][0].update(pitches="3"), ".pitches: got str '3', expected int"),
        (lambda d: d["limits"].update(max_seconds=float("nan")), "limits.max_seconds: got nan"),
        (lambda d: d["limits"].update(queue_size=True), "limits.queue_size: got bool True"),
        (lambda d: d["limits"].update(queue_size=None), "limits.queue_size: got nothing"),
        (lambda d: d.update(limits=[1]), "limits: got list, expected a mapping"),
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
    with pytest.raises(SpaceConfigError, match="is not YAML"):
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


class StandInHub(BaseHTTPRequestHandler):
    """The few endpoints of the Hub that creating a Space and committing a folder call."""

    server: "HubServer"

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        path = self.path.split("?")[0]
        if path == "/api/repos/create":
            self.server.created.append(json.loads(body))
            repo_id = "visitor/zoo"
            self.answer({"url": f"{self.server.url}/spaces/{repo_id}", "name": repo_id})
        elif path == "/api/validate-yaml":
            self.answer({"errors": [], "warnings": []})
        elif "/preupload/" in path:
            files = [file["path"] for file in json.loads(body)["files"]]
            self.answer(
                {
                    "files": [
                        {"path": f, "uploadMode": "regular", "shouldIgnore": False} for f in files
                    ]
                }
            )
        elif "/commit/" in path:
            for line in body.splitlines():
                entry = json.loads(line)
                if entry["key"] == "file":
                    self.server.committed.append(entry["value"]["path"])
            self.answer(
                {
                    "commitUrl": f"{self.server.url}/spaces/visitor/zoo/commit/1",
                    "commitOid": "1" * 40,
                }
            )
        else:
            self.send_error(404)

    def do_GET(self):
        self.answer({"id": "visitor/zoo", "sha": "0" * 40, "siblings": []})

    def answer(self, data):
        payload = json.dumps(data).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(payload)))
        self.end_headers()
        self.wfile.write(payload)

    def log_message(self, format, *args):
        """Keep the test's output clean."""


class HubServer(ThreadingHTTPServer):
    def __init__(self):
        super().__init__(("127.0.0.1", 0), StandInHub)
        self.url = f"http://127.0.0.1:{self.server_address[1]}"
        self.created: list[dict] = []
        self.committed: list[str] = []


@pytest.fixture
def hub():
    server = HubServer()
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()


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


def push(checkout, hub, tmp_path):
    environment = {
        "HF_ENDPOINT": hub.url,
        "HF_HOME": str(tmp_path / "hf"),
        "HF_TOKEN": "hf_stand_in",
        "PATH": "/usr/bin:/bin",
        "PYTHONPATH": str(ROOT),
    }
    command = [sys.executable, "-m", "zoo", "space", "push", "visitor/zoo", "--root", str(checkout)]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60)


def test_push_creates_the_space_and_sends_only_what_it_runs_on(checkout, hub, tmp_path):
    write_readme(checkout)
    done = push(checkout, hub, tmp_path)
    assert done.returncode == 0, done.stderr
    assert f"{hub.url}/spaces/visitor/zoo" in done.stdout
    created = hub.created[0]
    assert (created["type"], created["sdk"]) == ("space", "gradio")
    assert sorted(hub.committed) == [
        "LICENSE",
        "README.md",
        "app.py",
        "requirements.txt",
        "spaces_config.yaml",
        "zoo/a.py",
    ]


def test_push_refuses_a_readme_out_of_date_and_a_partial_checkout(checkout, hub, tmp_path):
    done = push(checkout, hub, tmp_path)
    assert done.returncode == 1
    assert "--write-readme" in done.stderr
    (checkout / "app.py").unlink()
    assert "has no app.py" in push(checkout, hub, tmp_path).stderr
    assert hub.created == []
