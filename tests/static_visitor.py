"""Somebody who visits a static page, and what comes out of it."""

import io
import zipfile

import soundfile


class Visitor:
    """Somebody with a browser on the static page; notes what goes wrong and every other host."""

    def __init__(self, page, address):
        self.page = page
        self.address = address
        self.troubles = []
        page.on("pageerror", lambda error: self.troubles.append(f"error: {error}"))
        page.on("console", self._watch_console)
        page.on("request", self._watch_request)

    def _watch_console(self, message):
        # Browsers without a graphics card say that there is none.
        if message.type == "error" or "Content Security" in message.text:
            self.troubles.append(f"console: {message.text}")

    def _watch_request(self, request):
        if not request.url.startswith((self.address, "blob:", "data:")):
            self.troubles.append(f"request: {request.url}")

    def arrive(self, query=""):
        self.page.goto(self.address + query)
        self.page.wait_for_selector("#examples button")
        self.page.wait_for_selector("#compute:not(:empty)")
        return self

    def bring(self, path):
        self.page.set_input_files("#file", str(path))
        return self

    def mixer(self, expression):
        return self.page.evaluate(
            "() => { const mixer = document.querySelector('#mixer').stemMixer;"
            f" return {expression}; }}"
        )

    def wait_for_stems(self, timeout=300_000):
        self.page.wait_for_selector(
            "#mixer .archive:not([hidden]), #alert:not([hidden])", timeout=timeout
        )
        assert self.alert() == ""
        return self

    def alert(self):
        return self.page.inner_text("#alert") if self.page.is_visible("#alert") else ""

    def stems(self):
        """Download the zip and read it: (C, N) by name, and the rates."""
        with self.page.expect_download() as waiting:
            self.page.click("#mixer .archive")
        archive = zipfile.ZipFile(waiting.value.path())
        stems, rates = {}, set()
        for name in archive.namelist():
            samples, rate = soundfile.read(io.BytesIO(archive.read(name)), always_2d=True)
            stems[name.rpartition(".")[0].rpartition(" - ")[2]] = samples.T
            rates.add(rate)
        return stems, rates
