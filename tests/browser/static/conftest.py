"""Built static pages and visitors of them."""

import shutil

import pytest
from static_visitor import Visitor

from zoo.browser import PackagesError, build_site, serve_site
from zoo.browser.packages import install_packages

TINY = "lightsaft_tfctdf_tiny"


@pytest.fixture(scope="session")
def packages():
    """What npm installed; `make test` sees to it that it is there."""
    try:
        return install_packages()
    except PackagesError as error:
        if shutil.which("npm") is None:
            pytest.skip(f"the static page's tests need npm: {error}")
        raise


@pytest.fixture(scope="session")
def site(packages, tmp_path_factory):
    """The page with the tiny network."""
    folder = tmp_path_factory.mktemp("static") / "site"
    build_site(folder, model=TINY)
    return folder


@pytest.fixture
def address(site):
    with serve_site(site) as address:
        yield address


@pytest.fixture
def visit(chromium):
    """Make visitors; keyword arguments are those of a browser context."""
    contexts = []

    def visit(address, *, context=None, **options):
        if context is None:
            # Playwright waits for functions by evaluating texts, which the page's policy forbids.
            context = chromium.new_context(**({"bypass_csp": True} | options))
            contexts.append(context)
        return Visitor(context.new_page(), address)

    yield visit
    for context in contexts:
        context.close()
