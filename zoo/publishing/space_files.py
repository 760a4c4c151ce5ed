"""Which files of a checkout go to a Space: those that it runs on, and none that is private.

In a git repository they are files that git tracks. Elsewhere they are files of the kinds that the
app is made of. Either way links, large files, checkpoints and whatever looks like a secret stay.
"""

import re
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath

from zoo.publishing.space_config import CONFIG_NAME, SpaceConfigError
from zoo.weights.checkpoints import SUFFIXES

__all__ = ["REQUIRED_FILES", "SpaceFiles", "find_space_files"]

REQUIRED_FILES = ("app.py", CONFIG_NAME, "requirements.txt", "README.md", "LICENSE")
FOLDERS = ("blocks", "docs/screenshots", "zoo")
KINDS = frozenset({".css", ".html", ".js", ".md", ".ogg", ".png", ".py", ".yaml", *SUFFIXES})
MAX_FILE_BYTES = 10 << 20  # what the Hub takes without large file storage
SECRET_NAMES = (
    *("*.env", "*.key", "*.pem", "*.p12", "*.pfx", "*.jks", "*.keystore"),
    *("id_rsa*", "id_dsa*", "id_ecdsa*", "id_ed25519*"),
)
SECRET_WORDS = re.compile(r"(^|[._-])(token|secret|credential|password)s?([._-]|$)", re.IGNORECASE)
SECRET_CONTENT = re.compile(
    rb"\bhf_[A-Za-z0-9]{30,}|\bgh[opsur]_[A-Za-z0-9]{36}|\bgithub_pat_\w{36}|\bAKIA[0-9A-Z]{16}\b"
    rb"|-----BEGIN (?:[A-Z]+ )*PRIVATE KEY-----"
)


@dataclass(frozen=True, kw_only=True, slots=True)
class SpaceFiles:
    """What a push sends.

    Args:
        content: Bytes by path in the Space, as they were when they were checked.
        left_out: Why a file stays, by path.
    """

    content: Mapping[str, bytes]
    left_out: Mapping[str, str]

    @property
    def num_bytes(self) -> int:
        """Bytes of all files."""
        return sum(len(content) for content in self.content.values())


def find_space_files(root: Path) -> SpaceFiles:
    """Read the files of a Space.

    Args:
        root: The checkout.

    Raises:
        SpaceConfigError: A file that the app needs is absent or stays, a file holds a key or a
            token, or git does not say what it tracks.
    """
    tracked = _tracked_files(root)
    content: dict[str, bytes] = {}
    left_out: dict[str, str] = {}
    for name in sorted(_files_of_kinds(root) if tracked is None else tracked):
        if name not in REQUIRED_FILES and not name.startswith(tuple(f"{f}/" for f in FOLDERS)):
            continue
        reason = _reason_to_stay(root, name)
        if reason:
            left_out[name] = reason
        else:
            content[name] = (root / name).read_bytes()
    absent = [name for name in REQUIRED_FILES if name not in content]
    if absent:
        listed = ", ".join(
            f"{name} ({left_out[name]})" if name in left_out else name for name in absent
        )
        where = f"{root} has no" if tracked is None else f"git tracks in {root} no"
        raise SpaceConfigError(f"{where} {listed}; push from the repository root")
    for name, body in content.items():
        if SECRET_CONTENT.search(body):
            raise SpaceConfigError(
                f"{root / name} holds what looks like a token or a private key; nothing was sent. "
                "Take it out, and revoke it if others could read it"
            )
    return SpaceFiles(content=content, left_out=left_out)


def _tracked_files(root: Path) -> list[str] | None:
    """Return what git tracks below a folder, or None outside git."""
    folder = root.resolve()
    if not any((parent / ".git").exists() for parent in (folder, *folder.parents)):
        return None
    try:
        done = subprocess.run(
            ["git", "ls-files", "-z", "--cached"], cwd=root, capture_output=True, check=True
        )
    except (OSError, subprocess.CalledProcessError) as error:
        told = getattr(error, "stderr", None) or str(error).encode()
        raise SpaceConfigError(
            f"{root} is in a git repository, but git does not list its files: "
            f"{told.decode(errors='replace').strip()}"
        ) from error
    return [name for name in done.stdout.decode(errors="surrogateescape").split("\0") if name]


def _files_of_kinds(root: Path) -> Iterator[str]:
    yield from (name for name in REQUIRED_FILES if (root / name).exists())
    for folder in FOLDERS:
        for path in (root / folder).rglob("*"):
            if path.suffix in KINDS and not path.is_dir():
                yield path.relative_to(root).as_posix()


def _reason_to_stay(root: Path, name: str) -> str:
    """Say why a file may not be sent; nothing if it may."""
    path, parts = root / name, PurePosixPath(name).parts
    if path.resolve() != root.resolve() / name:
        return "a link"
    if not path.is_file():
        return "no regular file" if path.exists() else "deleted"
    if not name.isprintable() or any(part.startswith(".") for part in parts):
        return "a hidden name"
    if any(fnmatchcase(parts[-1].lower(), pattern) for pattern in SECRET_NAMES) or any(
        SECRET_WORDS.search(part) for part in parts
    ):
        return "may hold a secret"
    if path.suffix in SUFFIXES and not _is_packaged(path, root):
        return "a checkpoint"
    if path.stat().st_size > MAX_FILE_BYTES:
        return f"larger than {MAX_FILE_BYTES >> 20} MB"
    return ""


def _is_packaged(path: Path, root: Path) -> bool:
    """Whether weights are SPEC.TAG.safetensors beside the manifest of their spec."""
    spec, _, rest = path.name.partition(".")
    is_named = rest.count(".") == 1 and path.suffix == ".safetensors"
    return (
        is_named
        and path.parent == root / "zoo" / "weights"
        and path.with_name(f"{spec}.yaml").is_file()
    )
