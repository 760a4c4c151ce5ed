"""Specs as people type them into the app: measured within the bounds, or a ``SpecError``."""

import zoo
from zoo.errors import SpecError
from zoo.networks.bounds import meta_network
from zoo.specs.parsing import parse_spec_text
from zoo.specs.registry import SPECS


def check(content: bytes) -> None:
    """Parse a spec, describe it as data, and lay its network out without memory."""
    try:
        spec = parse_spec_text(content)
        network = meta_network(spec)
    except SpecError:
        return
    assert zoo.parse_spec(spec.to_dict()) == spec
    assert len(network.state_dict()) > 0


def seeds() -> dict[str, bytes]:
    """Return the packaged specs."""
    return {name: SPECS.path(name).read_bytes() for name in SPECS.names()}
