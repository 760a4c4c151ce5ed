"""Specs by name: the packaged ones, and a user's files and folders."""

from pathlib import Path

from zoo.errors import SpecError, UnknownNameError
from zoo.specs.parsing import parse_spec
from zoo.specs.spec import Spec

PACKAGED = Path(__file__).parent


class SpecRegistry:
    """Names to YAML files; folders are looked through anew each time, so a new file just appears.

    Args:
        folder: The first folder.
    """

    def __init__(self, folder: Path) -> None:
        self._folders = [folder]
        self._files: dict[str, Path] = {}

    def add(self, path: str | Path) -> None:
        """Add a spec file, or a folder of spec files.

        Raises:
            FileNotFoundError: If there is nothing at the path.
            ValueError: If a name is taken; nothing is added then.
            SpecError: If a file does not parse; nothing is added then.
        """
        path = Path(path).resolve()
        if not path.exists():
            raise FileNotFoundError(f"no spec file or folder at {path}")
        files = _specs_in(path) if path.is_dir() else {_name_of(path): path}
        known = self._known()
        for name, file in files.items():
            if name in known and known[name] != file:
                raise ValueError(f"{file}: a spec named {name!r} exists already, {known[name]}")
        if path.is_dir():
            if path not in self._folders:
                self._folders.append(path)
        else:
            self._files |= files

    def names(self) -> list[str]:
        """Every name, sorted."""
        return sorted(self._known())

    def __getitem__(self, name: str) -> Spec:
        """Parse the spec of a name; UnknownNameError with the closest names if there is none."""
        return parse_spec(self.path(name))

    def path(self, name: str) -> Path:
        """Return the file of a name."""
        known = self._known()
        if name not in known:
            raise UnknownNameError("model", name, sorted(known))
        return known[name]

    def _known(self) -> dict[str, Path]:
        known = dict(self._files)
        for folder in self._folders:
            for file in folder.glob("*.yaml"):
                known.setdefault(file.stem, file)
        return known


def _specs_in(folder: Path) -> dict[str, Path]:
    return {_name_of(file): file for file in sorted(folder.glob("*.yaml"))}


def _name_of(file: Path) -> str:
    """Return the name of the spec in a file, which must be that of the file."""
    name = parse_spec(file).name
    if name != file.stem:
        raise SpecError(f"{file}: holds the spec {name!r}; a file is named as its spec")
    return name


SPECS = SpecRegistry(PACKAGED)
