"""The static page that separates songs in the visitor's own browser: building and serving it."""

from zoo.browser.building import SiteReport, build_site
from zoo.browser.packages import PackagesError
from zoo.browser.serving import serve_site

__all__ = ["PackagesError", "SiteReport", "build_site", "serve_site"]
