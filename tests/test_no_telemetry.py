"""Nothing is sent anywhere: our programs run in processes that log every way out of the machine."""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest
from app_server import MODEL
from servers import hub_server
from signals import write_song

import zoo
from zoo import no_telemetry
from zoo.no_telemetry import import_openvino, switch_off_telemetry
from zoo.weights.fetching.hub_files import download_from_hub

ROOT = Path(__file__).resolve().parents[1]
TESTS = Path(__file__).parent
# What would keep the libraries quiet of itself. OpenVINO sends nothing where it finds CI.
QUIETING = ("CI", "TF_BUILD", "JENKINS_URL", "GRADIO_", "HF_", "DISABLE_TELEMETRY", "DO_NOT_TRACK")
NAMESPACE = ["unshare", "--map-root-user", "--net"]
APP = """
import app
from app_server import MODEL, get, post, tiny_config
from zoo.ui.models import ModelShelf
config = tiny_config()
shelf = ModelShelf(config)
shelf.warm_up()
page = app.build_app(config, shelf)
_, url, _ = page.launch(**app.launch_arguments(config), quiet=True, prevent_thread_lock=True)
assert "LightSAFT" in get(url).text
event = post(f"{url}gradio_api/call/model_info", json={"data": [MODEL]}).json()["event_id"]
assert "complete" in get(f"{url}gradio_api/call/model_info/{event}").text
page.close()
print("answered")
"""


def has_namespaces():
    try:
        return subprocess.run([*NAMESPACE, "true"], capture_output=True).returncode == 0
    except OSError:
        return False


@pytest.fixture
def watched(tmp_path):
    """Return a function that runs Python and returns the process and the ways out that it tried."""
    log = tmp_path / "network.log"
    is_apart = has_namespaces()

    def run(*arguments, **variables):
        environment = {
            name: value for name, value in os.environ.items() if not name.startswith(QUIETING)
        }
        environment |= {
            "HOME": str(tmp_path),
            "GRADIO_TEMP_DIR": str(tmp_path / "gradio"),
            "PYTHONPATH": os.pathsep.join(map(str, (TESTS / "no_network", TESTS, ROOT))),
            "LIGHTSAFT_NETWORK_LOG": str(log),
            "LIGHTSAFT_OWN_NETWORK": "1" * is_apart,
        }
        done = subprocess.run(
            [*(NAMESPACE if is_apart else []), sys.executable, *map(str, arguments)],
            cwd=tmp_path,
            env=environment | variables,
            capture_output=True,
            text=True,
            timeout=300,
        )
        return done, log.read_text().splitlines() if log.exists() else []

    return run


@pytest.mark.parametrize(
    ("code", "tried"),
    [
        (
            "import socket; socket.socket().connect(('203.0.113.1', 80))",
            "socket.connect 203.0.113.1",
        ),
        ("import socket; socket.getaddrinfo('example.org', 443)", "socket.getaddrinfo example.org"),
        (
            "import socket; socket.socket(type=socket.SOCK_DGRAM).sendto(b'', ('203.0.113.1', 9))",
            "socket.sendto 203.0.113.1",
        ),
    ],
)
def test_the_watch_sees_who_calls(watched, code, tried):
    _, log = watched("-c", code)
    assert any(line.startswith(tried) for line in log)


@pytest.mark.skipif(not has_namespaces(), reason="no network namespaces for this user")
def test_the_watch_sees_packets_that_no_python_sends(watched):
    code = (
        "import ctypes, socket, struct\n"
        "libc = ctypes.CDLL(None)\n"
        "place = struct.pack('=HHBBBB8x', socket.AF_INET, 80, 203, 0, 113, 1)\n"
        "libc.connect(libc.socket(2, 1, 0), place, len(place))"
    )
    assert watched("-c", code)[1] == ["packets: 1"]


@pytest.mark.skipif(
    importlib.util.find_spec("openvino_telemetry") is None, reason="OpenVINO came without it"
)
def test_openvino_calls_nobody_when_we_import_it(watched):
    code = (
        "import sys; from zoo.no_telemetry import import_openvino\n"
        "import_openvino(); import openvino_telemetry; import_openvino().convert_model\n"
        "print(openvino_telemetry is sys.modules['openvino_telemetry'])"
    )
    done, log = watched("-c", code)
    assert done.stdout == "True\n", done.stderr
    assert log == []


def test_separate_calls_nobody(watched, tmp_path):
    song = write_song(tmp_path / "a.wav")
    done, log = watched("-m", "zoo", "separate", song, "-o", tmp_path / "out", "-m", MODEL)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "out" / "a" / "vocals.wav").is_file()
    assert log == []


def test_separate_calls_nobody_offline_for_weights_that_are_elsewhere(watched, tmp_path):
    song = write_song(tmp_path / "a.wav")
    command = ["-m", "zoo", "separate", song, "-o", tmp_path / "out", "-m", "lightsaft"]
    done, log = watched(*command, HF_HUB_OFFLINE="1")
    assert done.returncode == 1
    assert "offline" in done.stderr
    assert log == []


def test_the_app_calls_nobody(watched):
    done, log = watched("-c", APP)
    assert done.stdout.splitlines()[-1:] == ["answered"], done.stderr
    assert log == []


def test_a_wish_to_report_stays(monkeypatch):
    monkeypatch.setenv("GRADIO_ANALYTICS_ENABLED", "True")
    monkeypatch.delenv("HF_HUB_DISABLE_TELEMETRY", raising=False)
    switch_off_telemetry()
    assert os.environ["GRADIO_ANALYTICS_ENABLED"] == "True"
    assert os.environ["HF_HUB_DISABLE_TELEMETRY"] == "1"


def test_without_openvino_its_import_fails_as_ever(monkeypatch):
    monkeypatch.setattr(sys, "path", [])
    for name in [name for name in sys.modules if name.partition(".")[0] == "openvino"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.delitem(sys.modules, no_telemetry.OPENVINO_TELEMETRY, raising=False)
    with pytest.raises(ImportError):
        import_openvino()
    assert no_telemetry.OPENVINO_TELEMETRY not in sys.modules


def test_the_hub_hears_our_name_and_version_alone(tmp_path):
    with hub_server() as hub:
        hub.repositories["user/model"] = {"a.txt": b"content"}
        download_from_hub("user/model", "a.txt", cache=tmp_path, endpoint=hub.address)
        assert hub.agents == {f"lightsaft-zoo/{zoo.__version__}"}
