"""Open the app on a free port, ask it for its models and close it: python .ci/open_app.py."""

import json
import sys
import urllib.request
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import app
from zoo.publishing.space_config import load_space_config
from zoo.ui.models import ModelShelf


def main() -> None:
    """Fail where the page or the API does not answer."""
    config = load_space_config(app.ROOT / app.CONFIG_NAME)
    page = app.build_app(config, ModelShelf(config))
    _, url, _ = page.launch(**app.launch_arguments(config), quiet=True, prevent_thread_lock=True)
    try:
        with urllib.request.urlopen(url) as answer:
            assert config.space.title in answer.read().decode()
        question = urllib.request.Request(
            f"{url}gradio_api/call/models",
            data=json.dumps({"data": []}).encode(),
            headers={"Content-Type": "application/json"},
        )
        with urllib.request.urlopen(question) as answer:
            event = json.load(answer)["event_id"]
        with urllib.request.urlopen(f"{url}gradio_api/call/models/{event}") as answer:
            assert config.model_names[0] in answer.read().decode()
    finally:
        page.close()


if __name__ == "__main__":
    main()
