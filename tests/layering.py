"""Checks of who imports whom, on the source text of modules by their dotted names."""

import ast
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

Modules = Mapping[str, str]  # dotted name -> source text; a package is named without __init__
Imports = Mapping[str, frozenset[str]]  # module -> the modules that it imports, of those given


def read_modules(root: Path, *names: str) -> dict[str, str]:
    """Read packages and modules below a folder."""
    modules = {}
    for name in names:
        folder = root / name
        for path in folder.rglob("*.py") if folder.is_dir() else [root / f"{name}.py"]:
            parts = path.relative_to(root).with_suffix("").parts
            module = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
            modules[module] = path.read_text(encoding="utf-8")
    return modules


def find_imports(
    modules: Modules,
    *,
    facade: str = "",
    homes: Mapping[str, str] = MappingProxyType({}),
    handed_on: Mapping[str, set[str]] = MappingProxyType({}),
) -> Imports:
    """Find which modules each module imports, at its top, inside functions or for types only.

    Args:
        modules: The modules; imports of others are left out.
        facade: A module that hands out names of other modules when they are first used. To use
            such a name is to import its home; the facade itself may be imported by all.
        homes: The module of each of those names.
        handed_on: By module, the names of the facade whose use does not count: methods of the same
            name hand their calls on to them.
    """
    imports = {}
    for name, text in modules.items():
        counted = {key: homes[key] for key in homes.keys() - handed_on.get(name, set())}
        found = set(imported_names(ast.parse(text), facade=facade, homes=counted))
        targets = {_longest_known(target, modules) for target in found}
        imports[name] = frozenset(targets - {None, name, facade})
    return imports


def imported_names(
    tree: ast.AST, *, facade: str = "", homes: Mapping[str, str] = MappingProxyType({})
) -> Iterator[str]:
    """Yield the dotted names that a module imports; a name of another module may be at the end."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            if node.level:
                raise ValueError(f"line {node.lineno}: a relative import; name the whole module")
            for alias in node.names:
                home = homes.get(alias.name) if node.module == facade else None
                yield home or f"{node.module}.{alias.name}"
        elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            if node.value.id == facade and node.attr in homes:
                yield homes[node.attr]
        elif isinstance(node, ast.Call) and ast.unparse(node.func).endswith("import_module"):
            first = node.args[0]
            if isinstance(first, ast.Constant):
                yield str(first.value)


def _longest_known(target: str, modules: Modules) -> str | None:
    """Return the module that a dotted name is or is in."""
    while target and target not in modules:
        target = target.rpartition(".")[0]
    return target or None


def unit_of(module: str) -> str:
    """Return what has a level: a module or package below ``zoo``, or a package beside it.

    >>> unit_of("zoo.specs.parsing"), unit_of("zoo.errors"), unit_of("blocks.tfc")
    ('specs', 'errors', 'blocks')
    """
    first, *rest = module.split(".")
    return rest[0] if first == "zoo" and rest else first


def without_level(modules: Iterable[str], levels: Sequence[set[str]]) -> list[str]:
    """List the modules whose unit has no level."""
    return sorted(name for name in modules if unit_of(name) not in set().union(*levels))


def upward_imports(imports: Imports, levels: Sequence[set[str]]) -> list[str]:
    """List the imports of another unit that is not on a lower level."""
    level = {unit: number for number, units in enumerate(levels) for unit in units}
    return sorted(
        f"{name} -> {target}"
        for name, targets in imports.items()
        for target in targets
        if unit_of(name) != unit_of(target)
        and level.get(unit_of(target), len(levels)) >= level.get(unit_of(name), -1)
    )


def find_circles(imports: Imports) -> list[list[str]]:
    """List the sets of modules that import each other, each sorted (Tarjan, SIAM J. Comp. 1972)."""
    order: dict[str, int] = {}
    lowest: dict[str, int] = {}
    stack: list[str] = []
    circles: list[list[str]] = []

    def visit(name: str) -> None:
        order[name] = lowest[name] = len(order)
        stack.append(name)
        for target in imports[name]:
            if target not in order:
                visit(target)
            if target in stack:
                lowest[name] = min(lowest[name], lowest[target])
        if lowest[name] == order[name]:
            place = stack.index(name)
            circle = sorted(stack[place:])
            del stack[place:]
            if len(circle) > 1:
                circles.append(circle)

    for name in imports:
        if name not in order:
            visit(name)
    return sorted(circles)


def too_long(modules: Modules, *, limit: int) -> dict[str, int]:
    """Return the numbers of lines of the modules that are over the limit."""
    lengths = {name: len(text.splitlines()) for name, text in modules.items()}
    return {name: length for name, length in lengths.items() if length > limit}
