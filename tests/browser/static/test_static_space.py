"""Writing, serving and publishing the static page from the command line."""

import json
import shutil
import subprocess
import sys
from pathlib import Path
from urllib.request import urlopen

import pytest
import yaml
from servers import hub_server

from zoo.browser import PackagesError, build_site, serve_site
from zoo.browser.packages import LOCK_FILE, install_packages
from zoo.cli import main

ROOT = Path(__file__).resolve().parents[3]
TINY = "lightsaft_tfctdf_tiny"


def front_matter(card):
    return yaml.safe_load(card.split("---\n")[1])


def test_the_card_is_that_of_a_static_space(site):
    card = (site / "README.md").read_text(encoding="utf-8")
    front = front_matter(card)
    assert front["sdk"] == "static"
    assert front["custom_headers"]["cross-origin-embedder-policy"] == "require-corp"
    assert len(front["short_description"]) <= 60
    record = json.loads((site / "model" / "model.json").read_text(encoding="utf-8"))
    assert front["license"].lower() == record["licence"].lower() or front["license"] == "other"
    assert all(line in card for line in record["credits"])
    assert "NIT SONG070 F001" in card


def test_the_service_worker_keeps_every_file_that_the_page_starts_with(site):
    text = (site / "site_version.js").read_text(encoding="utf-8")
    kept = json.loads(text.removeprefix("self.SITE = ").rstrip(";\n"))
    files = {path.relative_to(site).as_posix() for path in site.rglob("*") if path.is_file()}
    described = json.loads((site / "site.json").read_text(encoding="utf-8"))
    later = {*described["model_files"]}
    later |= {name for files in described["runtime"].values() for name in files.values()}
    assert later <= files
    assert set(kept["core"]) - {"./"} <= files
    not_kept = files - set(kept["core"]) - later
    assert not_kept == {
        "README.md",
        "_headers",
        "service_worker.js",
        "site_version.js",
    }


def test_the_command_writes_and_replaces_a_site_and_says_its_size(site, tmp_path, capsys):
    folder = tmp_path / "site"
    shutil.copytree(site, folder)
    (folder / "index.html").unlink()
    command = ["space", "static", str(folder), "--model", TINY, "--root", str(ROOT)]
    assert main(command) == 0
    sizes = {path: path.stat().st_size for path in folder.rglob("*") if path.is_file()}
    runtime = sum(size for path, size in sizes.items() if path.parent.name == "runtime")
    total = sum(sizes.values())
    assert capsys.readouterr().out == (
        f"{TINY}: {len(sizes)} files, {total / 1e6:.1f} MB, "
        f"{(total - runtime) / 1e6:.1f} MB without the runtime\n"
    )
    assert (folder / "index.html").is_file()
    assert front_matter((folder / "README.md").read_text(encoding="utf-8"))["emoji"] == "🎚️"


def test_a_folder_of_something_else_is_refused(tmp_path):
    (tmp_path / "mine.txt").write_text("mine", encoding="utf-8")
    with pytest.raises(ValueError, match="holds other files than a site"):
        build_site(tmp_path, model=TINY)
    with pytest.raises(ValueError, match="holds no site; write one"), serve_site(tmp_path):
        pass
    assert (tmp_path / "mine.txt").read_text(encoding="utf-8") == "mine"


def test_what_the_command_needs_it_asks_for(capsys):
    assert main(["space", "static"]) == 1
    assert "static needs a folder" in capsys.readouterr().err
    assert main(["space", "push", "--static"]) == 1
    assert "push USER/NAME" in capsys.readouterr().err


def test_without_npm_the_error_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setattr("shutil.which", lambda _name: None)
    with pytest.raises(
        PackagesError, match=r"comes from npm, which is not installed; install Node"
    ):
        install_packages(tmp_path)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(PackagesError, match="HF_HUB_OFFLINE is set"):
        install_packages(tmp_path)


def test_a_failed_installation_leaves_nothing_behind(tmp_path, monkeypatch):
    script = tmp_path / "npm"
    script.write_text("#!/bin/sh\necho 'integrity checksum failed' >&2\nexit 1\n", encoding="utf-8")
    script.chmod(0o755)
    monkeypatch.setattr("shutil.which", lambda _name: str(script))
    with pytest.raises(PackagesError, match="integrity checksum failed"):
        install_packages(tmp_path / "cache")
    assert [path for path in (tmp_path / "cache").rglob("*") if path.is_file()] == []


@pytest.mark.parametrize("folder", ["zoo/browser", "tests/browser/npm"])
def test_every_package_is_pinned_with_a_hash(folder):
    lock = json.loads((ROOT / folder / LOCK_FILE).read_text(encoding="utf-8"))
    packages = {name: facts for name, facts in lock["packages"].items() if name}
    assert packages
    assert all(facts["integrity"].startswith("sha512-") for facts in packages.values())
    manifest = json.loads((ROOT / folder / "package.json").read_text(encoding="utf-8"))
    for name, version in manifest["dependencies"].items():
        assert packages[f"node_modules/{name}"]["version"] == version


@pytest.mark.parametrize("is_isolated", [True, False])
def test_the_server_isolates_unless_told_otherwise(site, is_isolated):
    with serve_site(site, is_isolated=is_isolated) as address, urlopen(address) as answer:
        policy = answer.headers["Cross-Origin-Embedder-Policy"]
        assert policy == ("require-corp" if is_isolated else None)
        assert b"mixer" in answer.read()


def test_the_page_is_pushed_as_a_static_space(packages, tmp_path):
    with hub_server() as hub:
        environment = {
            "HF_ENDPOINT": hub.address,
            "HF_HOME": str(tmp_path / "hf"),
            "HF_TOKEN": "hf_stand_in",
            "HOME": str(Path.home()),
            "OMP_NUM_THREADS": "1",
            "PATH": "/usr/bin:/bin",
            "PYTHONPATH": str(ROOT),
        }
        command = ["space", "push", "visitor/stems", "--static", "--model", TINY, "--yes"]
        done = subprocess.run(
            [sys.executable, "-m", "zoo", *command],
            env=environment,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        assert f"{hub.address}/spaces/visitor/stems" in done.stdout
        assert (hub.created[0]["type"], hub.created[0]["sdk"]) == ("space", "static")
        sent = hub.repositories["visitor/stems"]
    assert {"index.html", "README.md", "site.json", "model/model.json"} <= sent.keys()
    assert sent["runtime/ort-wasm-simd-threaded.wasm.gz"][:2] == b"\x1f\x8b"
    assert front_matter(sent["README.md"].decode())["sdk"] == "static"
