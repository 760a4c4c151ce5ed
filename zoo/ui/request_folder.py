"""A folder a request, under gradio's upload folder, so that gradio deletes it by its age."""

import secrets
from pathlib import Path

from gradio.utils import get_upload_folder

__all__ = ["new_request_folder"]


def new_request_folder() -> Path:
    """Create an empty folder whose name nobody can guess."""
    folder = Path(get_upload_folder()) / secrets.token_hex(20)
    folder.mkdir(parents=True)
    return folder
