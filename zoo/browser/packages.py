"""npm packages: those that the page runs on, installed by npm as ``package-lock.json`` pins them.

The lock file holds a hash of every package, which npm checks. What npm installed stays in the cache
under the lock file's own digest, so that it is fetched once.
"""

import shutil
import subprocess
from pathlib import Path

from zoo.records.files import hash_file
from zoo.weights.settings import read_settings

__all__ = ["LOCK_FILE", "PackagesError", "install_packages"]

FOLDER = Path(__file__).parent
MANIFEST, LOCK_FILE = "package.json", "package-lock.json"
MODULES = "node_modules"
COMMAND = ("ci", "--ignore-scripts", "--omit=dev", "--no-audit", "--no-fund", "--loglevel=error")
TIMEOUT_SECONDS = 900


class PackagesError(RuntimeError):
    """The npm packages of the page cannot be had."""


def install_packages(cache: Path | None = None, *, manifest: Path = FOLDER) -> Path:
    """Return the folder with the packages, after npm installed them if need be.

    Args:
        cache: Where installed packages stay; the default is the zoo's cache.
        manifest: Folder of ``package.json`` and its lock file; the default is the page's.

    Raises:
        PackagesError: npm is missing or failed, or the network may not be used.
    """
    settings = read_settings()
    digest = hash_file(manifest / LOCK_FILE)[:16]
    folder = (cache or settings.cache) / "npm" / digest
    if (folder / MODULES).is_dir():
        return folder / MODULES
    if settings.offline:
        raise PackagesError(f"the npm packages are not in {folder}, and HF_HUB_OFFLINE is set")
    npm = shutil.which("npm")
    if npm is None:
        raise PackagesError(
            "the page's runtime comes from npm, which is not installed; install Node.js "
            "(https://nodejs.org, or apt-get install nodejs npm) and try again"
        )
    _install(npm, manifest, folder)
    return folder / MODULES


def _install(npm: str, manifest: Path, folder: Path) -> None:
    """Install beside the final folder and rename, so that a broken installation is never used."""
    partial = folder.with_name(f".{folder.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    try:
        partial.mkdir(parents=True)
        for name in (MANIFEST, LOCK_FILE):
            shutil.copyfile(manifest / name, partial / name)
        done = subprocess.run(
            [npm, *COMMAND],
            cwd=partial,
            capture_output=True,
            text=True,
            timeout=TIMEOUT_SECONDS,
            check=False,
        )
        if done.returncode:
            raise PackagesError(f"npm could not install the page's runtime: {done.stderr.strip()}")
        shutil.rmtree(folder, ignore_errors=True)
        partial.rename(folder)
    except subprocess.TimeoutExpired:
        raise PackagesError(
            f"npm took more than {TIMEOUT_SECONDS} s; is the network there?"
        ) from None
    except OSError as error:
        raise PackagesError(f"the npm packages cannot be kept in {folder}: {error}") from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)
