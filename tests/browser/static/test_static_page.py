"""The static page as visitors meet it: growing stems, stopping, refusals, no network, two tabs."""

import json
import shutil

import numpy as np
import pytest
import soundfile
from axe import check_page
from signals import chirp, noise, write
from static_visitor import Visitor
from waiting import PATIENCE, wait_until

from zoo.browser import serve_site
from zoo.ui.texts import wording

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
RATE = 44_100
STEMS = ["vocals", "drums", "bass", "other"]
# Stands in for a graphics card that is lost after a few graphs.
LOST_CARD = """
import * as real from "./real_runtime.js";
export const { RuntimeError, disposeTensors, fetchBytes, runtimeFiles } = real;
export async function findProviders() {
    const [wasm] = await real.findProviders({ gpu: "no" });
    return [{ ...wasm, name: "webgpu" }, wasm];
}
export class GraphRunner {
    static async open(options) {
        const { provider } = options;
        const processor = { ...provider, name: "wasm" };
        const runner = await real.GraphRunner.open({ ...options, provider: processor });
        if (provider.name === "webgpu") {
            let count = 0;
            const run = runner.run.bind(runner);
            runner.provider = provider;
            runner.run = async (...graph) => {
                count += 1;
                if (count > 7) {
                    throw new RuntimeError("the graphics card was lost: unplugged");
                }
                return run(...graph);
            };
        }
        return runner;
    }
}
"""


@pytest.fixture(scope="module")
def song(tmp_path_factory):
    return write(tmp_path_factory.mktemp("song") / "A song.wav", chirp(seconds=4.0))


@pytest.fixture(scope="module")
def long_song(tmp_path_factory):
    samples = chirp(seconds=60.0, low=55.0)
    return write(tmp_path_factory.mktemp("song") / "A long song.wav", samples)


def test_stems_grow_and_are_heard_before_the_last_is_there(address, visit, long_song):
    visitor = visit(address).arrive()
    page = visitor.bring(long_song).page
    page.wait_for_selector("#mixer .lane.growing .pieces img")
    page.wait_for_selector("#mixer .lane[data-lane=original] .picture:not([hidden])")
    page.click("#mixer .play")
    page.wait_for_function(
        """(stems) => {
            const mixer = document.querySelector("#mixer").stemMixer;
            const heard = mixer.levels();
            return mixer.playback.position() > 0.3 && stems.every((name) => heard[name] > 1e-5);
        }""",
        arg=STEMS,
    )
    assert page.is_visible("#mixer .progress")
    # It is estimated once a few chunks have been timed.
    page.wait_for_selector("#mixer .left:has-text('s left')")
    assert visitor.mixer("mixer.playback.context.sampleRate") == RATE
    page.click("#stop")
    page.wait_for_selector("#mixer .archive:not([hidden])")
    assert page.inner_text("#mixer .facts") == "Stopped."
    stems, _ = visitor.stems()
    lengths = {stem.shape for stem in stems.values()}
    assert len(lengths) == 1
    assert 0 < lengths.pop()[1] < 60 * RATE
    assert visitor.troubles == []


def test_a_stem_the_mix_and_the_names_of_files(address, visit, song, tmp_path):
    visitor = visit(address).arrive().bring(song).wait_for_stems()
    page = visitor.page
    with page.expect_download() as waiting:
        page.click("#mixer .lane[data-lane=bass] .download")
    assert waiting.value.suggested_filename == "A song - bass.wav"
    waiting.value.save_as(tmp_path / "bass.wav")
    assert soundfile.info(tmp_path / "bass.wav").subtype == "FLOAT"
    with page.expect_download() as waiting:
        page.click("#mixer .save")
    waiting.value.save_as(tmp_path / "mix.wav")
    mix, rate = soundfile.read(tmp_path / "mix.wav")
    wanted, _ = soundfile.read(song)
    assert rate == RATE
    assert np.abs(mix - wanted).max() < 1e-4  # all stems together are the song
    assert "A song" in page.inner_text("#mixer .song")
    assert "dB" in page.inner_text("#mixer .facts")


def test_loudness_is_measured_and_compared_without_a_server(address, visit, song):
    visitor = visit(address).arrive().bring(song).wait_for_stems()
    page = visitor.page
    page.click("#mixer .play")
    integrated = "document.querySelectorAll('#mixer .loudness b')[1].textContent"
    page.wait_for_function(f"/^\u2212\\d+\\.\\d$/.test({integrated})")
    page.click("#mixer .compare")
    page.wait_for_selector("#mixer .side:text-is('original 0.0 dB to match')")
    assert visitor.troubles == []


def read_flac(waiting, folder):
    assert waiting.value.suggested_filename.endswith(".flac")
    waiting.value.save_as(folder / "stem.flac")
    assert soundfile.info(folder / "stem.flac").subtype == "PCM_24"
    samples, rate = soundfile.read(folder / "stem.flac")
    return samples.T, rate


def test_flac_files_hold_the_same_stems_with_one_gain(address, visit, tmp_path):
    loud = write(tmp_path / "A loud song.wav", 3 * chirp(seconds=3.0))
    visitor = visit(address).arrive().bring(loud).wait_for_stems()
    page = visitor.page
    stems, _ = visitor.stems()
    gain = min(1.0, *(1 / np.abs(stem).max() for stem in stems.values()))
    page.select_option("#format", "flac")
    with page.expect_download() as waiting:
        page.click("#mixer .lane[data-lane=drums] .download")
    drums, rate = read_flac(waiting, tmp_path)
    assert rate == RATE
    np.testing.assert_allclose(drums, stems["drums"] * gain, atol=3e-4)
    assert gain < 1
    page.wait_for_selector("#notice:has-text('All stems lowered by ')")
    packed, rates = visitor.stems()
    assert rates == {RATE}
    assert [*packed] == STEMS
    np.testing.assert_allclose(packed["vocals"], stems["vocals"] * gain, atol=3e-4)
    assert visitor.troubles == []


def test_where_flac_is_not_written_it_is_a_wav(address, visit, tmp_path):
    song = write(tmp_path / "Odd.wav", chirp(seconds=0.5, rate=11_025), 11_025)
    visitor = visit(address).arrive().bring(song).wait_for_stems()
    visitor.page.select_option("#format", "flac")
    with visitor.page.expect_download() as waiting:
        visitor.page.click("#mixer .lane[data-lane=bass] .download")
    assert waiting.value.suggested_filename == "Odd - bass.wav"
    visitor.page.wait_for_selector("#notice:has-text('FLAC is not written at 11025 Hz')")


def refused(folder):
    """Files that are refused, and a part of what is said of each."""
    (folder / "notes.mp3").write_text("no audio at all")
    (folder / "empty.wav").write_bytes(b"")
    write(folder / "six.wav", noise(4000, channels=6))
    broken = noise(4000)
    broken[0, 2205] = np.nan
    write(folder / "broken.wav", broken)
    (folder / "cut.flac").write_bytes(b"fLaC" + bytes(50))
    return {
        "notes.mp3": "notes.mp3 could not be read as audio",
        "empty.wav": "empty.wav is empty",
        "six.wav": "six.wav has 6 channels",
        "broken.wav": "no number, 0.05 s from its start",
        "cut.flac": "cut.flac",
    }


def test_what_cannot_be_separated_is_said_in_a_sentence(address, visit, song, tmp_path):
    visitor = visit(address).arrive()
    for name, message in refused(tmp_path).items():
        visitor.bring(tmp_path / name).page.wait_for_selector("#alert:not([hidden])")
        visitor.page.wait_for_function(
            "(part) => document.querySelector('#alert').textContent.includes(part)", arg=message
        )
        assert visitor.alert().endswith(".")
    visitor.bring(song).wait_for_stems()  # the page goes on
    assert visitor.troubles == []


def test_a_song_longer_than_the_memory_allows_is_refused_before_it_is_decoded(
    address, visit, long_song
):
    visitor = visit(address)
    visitor.page.add_init_script(
        "Object.defineProperty(Navigator.prototype, 'deviceMemory', { get: () => 1.19 })"
    )
    visitor.arrive().bring(long_song).page.wait_for_selector("#alert:not([hidden])")
    assert "A long song.wav lasts 1 min; on this machine up to 0." in visitor.alert()
    assert "python -m zoo separate" in visitor.alert()


def test_without_isolation_one_thread_works_and_the_page_says_so(site, visit, song):
    with serve_site(site, is_isolated=False) as address:
        visitor = visit(address, service_workers="block").arrive()
        visitor.page.wait_for_selector("#compute:has-text('one thread: slow, because')")
        visitor.bring(song).wait_for_stems()
        assert "one thread" in visitor.page.inner_text("#compute")


def test_the_service_worker_isolates_where_the_host_does_not(site, visit):
    with serve_site(site, is_isolated=False) as address:
        visitor = visit(address).arrive()
        visitor.page.wait_for_selector("#offline:not(:empty)")
        assert visitor.page.evaluate("crossOriginIsolated") is True
        assert visitor.troubles == []


def test_nothing_leaves_and_the_page_works_without_a_network(site, visit, song):
    with serve_site(site) as address:
        visitor = visit(address).arrive()
        visitor.page.wait_for_selector("#offline:not(:empty)")
    # The site is gone now, and so is every other.
    requests = []
    visitor.page.context.on("request", lambda request: requests.append(request.url))
    visitor.page.context.set_offline(True)
    visitor.bring(song).wait_for_stems()
    visitor.arrive()
    visitor.bring(song).wait_for_stems()
    assert [url for url in requests if not url.startswith((address, "blob:"))] == []
    assert visitor.troubles == []


def test_the_policy_keeps_the_page_from_speaking_with_others(address, visit, song):
    visitor = visit(address, bypass_csp=False).arrive().bring(song).wait_for_stems()
    assert visitor.troubles == []
    answer = visitor.page.evaluate(
        "fetch('https://example.org/').then(() => 'sent', () => 'refused')"
    )
    assert answer == "refused"


def test_speed_and_key_change_within_the_policy(address, visit, song, tmp_path):
    visitor = visit(address, bypass_csp=False).arrive().bring(song).wait_for_stems()
    page = visitor.page
    page.locator("#mixer .speed input").fill("80")
    page.locator("#mixer .speed input").dispatch_event("change")
    with page.expect_download() as waiting:
        page.click("#mixer .save")
    waiting.value.save_as(tmp_path / "mix.wav")
    mix, _ = soundfile.read(tmp_path / "mix.wav")
    assert len(mix) == pytest.approx(4.0 * RATE / 0.8, abs=1)
    assert np.abs(mix).max() > 0.05
    assert visitor.troubles == []


def folders(page):
    return page.evaluate(
        """async () => {
            const root = await navigator.storage.getDirectory();
            const songs = await root.getDirectoryHandle("songs", { create: true });
            const names = [];
            for await (const name of songs.keys()) {
                names.push(name);
            }
            return names;
        }"""
    )


def test_two_tabs_separate_side_by_side_and_closed_ones_leave_nothing(address, visit, song):
    first = visit(address).arrive()
    second = visit(address, context=first.page.context).arrive()
    first.bring(song)
    second.bring(song)
    first.wait_for_stems()
    second.wait_for_stems()
    assert len(folders(second.page)) == 2
    owner = first.page.evaluate("page.owner")
    first.page.close()
    stems, _ = second.stems()
    assert [*stems] == STEMS
    third = visit(address, context=second.page.context).arrive()
    wait_until(lambda: owner not in folders(third.page))
    assert second.page.evaluate("page.owner") in folders(third.page)


def test_the_processor_goes_on_where_the_graphics_card_is_lost(site, visit, song):
    runtime = (site / "engine" / "runtime.js").read_text(encoding="utf-8")
    with serve_site(site) as address:
        visitor = visit(address, service_workers="block")

        def answer(text):
            headers = {"Cross-Origin-Embedder-Policy": "require-corp"}
            return lambda route: route.fulfill(
                body=text, content_type="text/javascript", headers=headers
            )

        visitor.page.context.route("**/engine/runtime.js", answer(LOST_CARD))
        visitor.page.context.route("**/engine/real_runtime.js", answer(runtime))
        visitor.arrive().bring(song).wait_for_stems()
        notice = visitor.page.inner_text("#notice")
        assert "The graphics card stopped (the graphics card was lost: unplugged)" in notice
        assert "the processor goes on" in notice
        stems, _ = visitor.stems()
        wanted, _ = soundfile.read(song)
        assert np.abs(sum(stems.values()) - wanted.T).max() < 1e-5


IMITATED_CARD = [
    "--no-sandbox",
    "--disable-background-networking",
    "--enable-unsafe-webgpu",
    "--use-webgpu-adapter=swiftshader",
    "--enable-features=Vulkan",
    "--ignore-gpu-blocklist",
]


def test_webgpu_gives_the_same_stems(chromium, address, tmp_path):
    """By a graphics card that the processor imitates, which is slow: hence a twentieth second."""
    song = write(tmp_path / "A click.wav", noise(RATE // 20))
    stems = {}
    browser = chromium.browser_type.launch(executable_path=CHROMIUM, args=IMITATED_CARD)
    context = browser.new_context(bypass_csp=True)
    context.set_default_timeout(1000 * PATIENCE)
    for gpu, computes in (("yes", "graphics card (WebGPU)"), ("no", "WebAssembly")):
        visitor = Visitor(context.new_page(), address).arrive(f"?gpu={gpu}")
        if gpu == "yes" and "WebGPU" not in visitor.page.inner_text("#compute"):
            browser.close()
            pytest.skip("this Chromium imitates no graphics card")
        stems[gpu], _ = visitor.bring(song).wait_for_stems(timeout=1000 * PATIENCE).stems()
        assert computes in visitor.page.inner_text("#compute")
        assert visitor.page.is_hidden("#notice")
        assert visitor.troubles == []
    browser.close()
    for name in STEMS:
        np.testing.assert_allclose(stems["yes"][name], stems["no"][name], atol=1e-4)


def test_a_graph_that_changed_on_the_way_is_refused(site, visit, song):
    with serve_site(site) as address:
        visitor = visit(address, service_workers="block")
        visitor.page.context.route(
            "**/full_band.decoder.onnx", lambda route: route.fulfill(body=b"other bytes")
        )
        visitor.arrive().bring(song).page.wait_for_selector("#alert:not([hidden])")
        assert "full_band.decoder.onnx is damaged or of another version" in visitor.alert()


def test_a_part_of_the_page_that_cannot_be_fetched_is_said(site, visit, song):
    with serve_site(site) as address:
        visitor = visit(address, service_workers="block")
        visitor.page.context.route("**/mediabunny.min.mjs", lambda route: route.abort())
        visitor.arrive().bring(song).page.wait_for_selector("#alert:not([hidden])")
        assert visitor.alert().startswith("A part of this page could not be fetched.")


def test_controls_have_names_and_the_page_is_calm_and_fits_a_phone(address, visit, song):
    phone = visit(
        address,
        viewport={"width": 390, "height": 800},
        color_scheme="dark",
        reduced_motion="reduce",
        has_touch=True,
    ).arrive()
    page = phone.bring(song).wait_for_stems().page
    nameless = page.evaluate(
        """() => [...document.querySelectorAll("button, input, a[href], summary")]
            .filter((e) => e.checkVisibility() && !(e.getAttribute("aria-label")
                || e.textContent.trim() || e.title || (e.labels && e.labels.length)))
            .map((e) => e.outerHTML)"""
    )
    assert nameless == []
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert page.evaluate("document.getAnimations().length") == 0
    dark = page.evaluate("getComputedStyle(document.body).backgroundColor")
    page.emulate_media(color_scheme="light")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") != dark
    page.keyboard.press("Tab")
    page.focus("#file")
    outline = page.evaluate("getComputedStyle(document.querySelector('#drop')).outlineStyle")
    assert outline == "solid"  # who comes by keyboard sees where they are


def test_the_site_names_licence_credits_and_programs(site, address, visit):
    described = json.loads((site / "site.json").read_text(encoding="utf-8"))
    visitor = visit(address).arrive()
    visitor.page.click("summary:has-text('About')")
    about = visitor.page.inner_text("details:has(#credits)")
    assert described["licence"] in about
    assert all(line in about for line in described["credits"])
    assert "NIT SONG070 F001" in about
    licences = (site / "licences.txt").read_text(encoding="utf-8")
    assert "onnxruntime-web 1." in licences
    assert "mediabunny 1." in licences
    assert "Xiph.Org Foundation" in licences


@pytest.mark.parametrize(
    ("locale", "motto", "refusal"),
    [
        ("de-DE", "Nichts wird hochgeladen.", "notes.wav ließ sich nicht als Ton lesen."),
        ("ja-JP", "何もアップロードしません。", "notes.wav を音声として読めませんでした。"),
    ],
)
def test_the_page_speaks_the_language_of_the_browser(
    address, visit, song, tmp_path, locale, motto, refusal
):
    visitor = visit(address, locale=locale, viewport={"width": 390, "height": 800}).arrive()
    page = visitor.page
    language = locale[:2]
    assert page.evaluate("document.documentElement.lang") == language
    assert page.inner_text(".masthead p").endswith(motto)
    (tmp_path / "notes.wav").write_text("no audio")
    visitor.bring(tmp_path / "notes.wav").page.wait_for_selector("#alert:not([hidden])")
    assert visitor.alert().startswith(refusal)
    visitor.bring(song).wait_for_stems()
    titles = page.locator("#mixer .lane .title").all_inner_texts()
    assert titles[1] == wording("source.vocals", language)
    assert titles[-1] == wording("lane.rest", language, sources=["vocals"])
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert visitor.troubles == []


def test_the_page_follows_wcag_in_light_and_dark(address, visit, song, tmp_path):
    visitor = visit(address, reduced_motion="reduce").arrive()
    page = visitor.page

    def check():
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme=scheme)
            assert check_page(page) == ([], set())

    page.click("summary:has-text('About')")
    check()
    (tmp_path / "notes.wav").write_text("no audio")
    visitor.bring(tmp_path / "notes.wav").page.wait_for_selector("#alert:not([hidden])")
    check()
    visitor.bring(song).wait_for_stems()
    check()
