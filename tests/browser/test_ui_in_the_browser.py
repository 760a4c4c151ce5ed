"""The page in a real browser: upload, separate, play, mute, solo, seek, loop, blend, share."""

import re
import zipfile

import numpy as np
import pytest
import soundfile
from app_server import MODEL, running_app, visit
from gradio_client import handle_file
from gradio_client.utils import Status
from waiting import wait_until

MIXER = "#mixer .mixer"
FIND_MIXER = "[...document.querySelectorAll('#mixer, #mixer *')].find((e) => e.stemMixer).stemMixer"


def mixer(page, expression):
    return page.evaluate(f"() => {{ const mixer = {FIND_MIXER}; return {expression}; }}")


def levels(page):
    return mixer(page, "mixer.levels()")


def wait_for(page, expression):
    page.wait_for_function(f"() => {{ const mixer = {FIND_MIXER}; return {expression}; }}")


@pytest.fixture
def separated(page, song):
    page.set_input_files("#song input[type=file]", str(song))
    page.wait_for_selector("#song audio", state="attached")
    page.click("#separate")
    page.wait_for_selector(f"{MIXER} .archive:not([hidden])")
    return page


def without_end(page):
    """Let what is played go round and round, so that a busy machine has time to look."""
    whole = "{ start: 0, end: mixer.state.seconds - 0.1 }"
    mixer(page, f"mixer.timeline.loop || mixer.timeline.setLoop({whole})")


def play(page):
    without_end(page)
    page.click(f"{MIXER} .play")
    wait_for(page, "mixer.playback.playing && mixer.playback.position() > 0.15")


# Counts how often the playback goes round, and notes the first and the last place of its way.
NOTE_TURNS = f"""() => {{
    const {{ playback }} = {FIND_MIXER};
    Object.assign(window, {{ turns: 0, low: Infinity, high: 0 }});
    let last = 0;
    const note = () => {{
        const position = playback.position();
        window.turns += position < last;
        window.low = Math.min(window.low, position);
        window.high = Math.max(window.high, position);
        last = position;
        requestAnimationFrame(note);
    }};
    note();
}}"""


def lane(page, name):
    return page.locator(f"{MIXER} .lane[data-lane={name}]")


def test_a_song_comes_apart_and_plays_in_step(separated, context):
    page = separated
    titles = page.locator(f"{MIXER} .lane .title").all_inner_texts()
    assert titles == ["Original", "Vocals", "Drums", "Bass", "Other", "Without vocals"]
    assert "Sum of stems" in page.inner_text(f"{MIXER} .facts")
    assert mixer(page, "mixer.playback.context") is None  # no sound before a gesture
    play(page)
    heard = levels(page)
    assert all(heard[name] > 1e-4 for name in ("vocals", "drums", "bass", "other", "master"))
    # All stems started at the same sample: one context, one start time, one buffer length.
    lengths = mixer(page, "[...mixer.playback.tracks.values()].map((t) => t.buffer.length)")
    assert len(set(lengths)) == 1
    assert context.troubles == []


def test_mute_solo_and_volume_change_the_measured_signal(separated):
    page = separated
    play(page)
    lane(page, "drums").locator(".mute").click()
    wait_for(page, "mixer.levels().drums < 1e-5")
    assert levels(page)["vocals"] > 1e-4
    lane(page, "bass").locator(".solo").click()
    wait_for(page, "mixer.levels().vocals < 1e-5 && mixer.levels().bass > 1e-5")
    lane(page, "bass").locator(".solo").click()
    lane(page, "vocals").locator(".volume").evaluate(
        "(slider) => { slider.value = 0; slider.dispatchEvent(new Event('input')); }"
    )
    wait_for(page, "mixer.levels().vocals < 1e-5 && mixer.levels().other > 1e-5")


def test_karaoke_is_the_original_minus_the_vocals(separated):
    page = separated
    without_end(page)
    page.get_by_role("button", name="Karaoke").click()
    wait_for(page, "mixer.playback.playing && mixer.levels().minus > 1e-4")
    assert levels(page)["vocals"] < 1e-5
    # The two meters are read one after the other while the sound goes on.
    wait_for(page, "Math.abs(mixer.levels().master / mixer.levels().minus - 1) < 1e-3")
    rendered = page.evaluate(
        f"""async () => {{
            const mixer = {FIND_MIXER};
            const whole = {{ level: 1, pan: 0 }};
            const names = {{ original: "original", chosen: new Set(["vocals"]) }};
            const buffer = await mixer.playback.render({{ ...names, lanes: {{ minus: whole }} }});
            const others = await mixer.playback.render(
                {{ ...names, lanes: {{ drums: whole, bass: whole, other: whole }} }});
            const a = buffer.getChannelData(0), b = others.getChannelData(0);
            let most = 0, peak = 0;
            for (let i = 0; i < a.length; i += 1) {{
                most = Math.max(most, Math.abs(a[i] - b[i]));
                peak = Math.max(peak, Math.abs(a[i]));
            }}
            return [most, peak];
        }}"""
    )
    assert rendered[1] > 0.01
    assert rendered[0] < 1e-4  # a full separation: the song less the vocals is the other stems


def test_seeking_by_click_keyboard_and_loop(separated):
    page = separated
    box = lane(page, "vocals").locator(".view").bounding_box()
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + 10)
    assert mixer(page, "mixer.playback.position()") == pytest.approx(1.5, abs=0.05)
    page.focus(f"{MIXER} .ruler")
    page.keyboard.press("Shift+ArrowLeft")
    assert mixer(page, "mixer.playback.position()") == pytest.approx(0.5, abs=0.05)
    page.keyboard.press("Home")
    without_end(page)
    page.keyboard.press(" ")
    wait_for(page, "mixer.playback.playing")
    page.keyboard.press("2")
    assert lane(page, "vocals").locator(".mute").get_attribute("aria-pressed") == "true"
    ruler = page.locator(f"{MIXER} .ruler").bounding_box()
    page.mouse.move(ruler["x"] + 0.5 * ruler["width"], ruler["y"] + 8)
    page.mouse.down()
    page.mouse.move(ruler["x"] + 0.6 * ruler["width"], ruler["y"] + 8, steps=4)
    page.mouse.up()
    loop = mixer(page, "mixer.timeline.loop")
    assert loop["start"] == pytest.approx(1.5, abs=0.05)
    assert loop["end"] == pytest.approx(1.8, abs=0.05)
    page.evaluate(NOTE_TURNS)
    page.wait_for_function("() => window.turns >= 3")
    low, high = page.evaluate("[window.low, window.high]")
    assert loop["start"] <= low < high <= loop["end"]
    page.keyboard.press("Escape")
    page.keyboard.press("+")
    assert mixer(page, "[mixer.timeline.loop, mixer.timeline.zoom]") == [None, 2]


def test_downloads_the_zip_a_stem_and_the_present_mix(separated, tmp_path):
    page = separated
    with page.expect_download() as waiting:
        page.click(f"{MIXER} .archive")
    waiting.value.save_as(tmp_path / "stems.zip")
    assert waiting.value.suggested_filename == "A song - stems.zip"
    with zipfile.ZipFile(tmp_path / "stems.zip") as archive:
        assert len(archive.namelist()) == 4
    with page.expect_download() as waiting:
        lane(page, "bass").locator(".download").click()
    assert waiting.value.suggested_filename == "A song - bass.flac"
    with page.expect_download() as waiting:
        page.click(f"{MIXER} .save")
    waiting.value.save_as(tmp_path / "mix.wav")
    mix, _ = soundfile.read(tmp_path / "mix.wav")
    assert soundfile.info(tmp_path / "mix.wav").subtype == "PCM_24"
    assert len(mix) == pytest.approx(3.0 * soundfile.info(tmp_path / "mix.wav").samplerate, abs=2)
    assert np.abs(mix).max() > 0.1
    assert "Saved" in page.inner_text(f"{MIXER} .message")


def test_the_link_opens_the_result_for_somebody_else(separated, chromium):
    page = separated
    page.click("#share")
    page.wait_for_selector("#share:has-text('Link copied')")
    link = page.evaluate("navigator.clipboard.readText()")
    assert re.search(r"/\?result=[0-9a-f]{40}$", link)
    visitor = chromium.new_context()
    other = visitor.new_page()
    other.goto(link)
    other.wait_for_selector(f"{MIXER} .archive:not([hidden])")
    assert other.inner_text(f"{MIXER} .song") == "A song"
    assert other.locator(f"{MIXER} .lane").count() == 6
    assert other.is_visible("#share")
    other.goto(link[:-40] + "0" * 40)
    other.wait_for_selector("#expired:has-text('This link has expired')")
    assert not other.is_visible("#share")
    visitor.close()


def test_the_place_in_the_queue_is_shown_while_others_are_served(page, song, gate):
    page.set_input_files("#song input[type=file]", str(song))
    page.wait_for_selector("#song audio", state="attached")
    client = visit(page.url)
    others = []
    for states in ({Status.PROCESSING, Status.PROGRESS, Status.ITERATING}, {Status.IN_QUEUE}):
        job = client.submit(
            song=handle_file(song),
            model=MODEL,
            sources=["vocals"],
            file_format="flac",
            api_name="/separate",
        )
        others.append(job)
        # Only then comes the next, whatever time a busy machine takes.
        wait_until(lambda job=job, states=states: job.status().code in states)
    page.click("#separate")
    place = page.wait_for_selector("#place >> text=/queue: [12]\\/2/")
    assert place.bounding_box()["height"] > 8
    page.click("#stop")
    page.wait_for_selector("#separate:visible")
    gate.open()
    for job in others:
        job.cancel()


def test_the_lane_without_a_stem_is_named_and_drawn_before_it_is_heard(separated):
    page = separated
    minus = lane(page, "minus")
    assert minus.locator(".title").inner_text() == "Without vocals"
    images = minus.locator(".pieces img")
    assert images.count() == 3
    box = images.first.bounding_box()
    assert box["height"] > 30
    assert box["width"] > 300
    minus.locator(".chips button", has_text="Drums").click()
    assert minus.locator(".title").inner_text() == "Without vocals, drums"
    assert minus.locator(".pieces img").count() == 2


def test_look_and_inside_draw_when_they_are_opened(separated, context):
    page = separated
    page.get_by_role("tab", name="Look").click()
    page.wait_for_selector("#look_picture img")
    first = page.get_attribute("#look_picture img", "src")
    page.get_by_label("To (seconds, 0 for the end)").fill("1.5")
    page.get_by_label("To (seconds, 0 for the end)").press("Enter")
    page.wait_for_function(
        "(old) => document.querySelector('#look_picture img').src !== old", arg=first
    )
    page.get_by_role("tab", name="Inside").click()
    page.wait_for_selector("#inside_picture img")
    assert context.troubles == []


def test_before_there_is_a_result_nothing_offers_it(page):
    assert not page.is_visible("#share")
    page.get_by_role("tab", name="Look").click()
    page.wait_for_timeout(500)
    assert page.locator("#look_picture img").count() == 0
    assert page.locator(".toast-body").count() == 0
    page.get_by_role("tab", name="Blend").click()
    assert "choose one there first" in page.inner_text("#blend_mixer .empty")


# Notes when the page begins to look at the size of what is dropped on it or chosen.
NOTE_WATCH = """
const listen = document.addEventListener;
document.addEventListener = function (kind, ...how) {
    window.isWatched ||= kind === "drop";
    return listen.call(this, kind, ...how);
};
"""


def test_too_large_a_file_is_refused_before_it_is_sent(chromium, tmp_path):
    path = tmp_path / "large.wav"
    path.write_bytes(b"x" * 1_200_000)
    said, sent = [], []
    with running_app(tmp_path / "served", max_megabytes=1) as url:
        page = chromium.new_page()
        page.on("dialog", lambda dialog: (said.append(dialog.message), dialog.accept()))
        page.on("request", lambda request: sent.append(request.url))
        page.add_init_script(NOTE_WATCH)
        page.goto(url)
        page.wait_for_function("() => window.isWatched")
        with page.expect_event("dialog"):
            page.set_input_files("#song input[type=file]", str(path))
        page.wait_for_timeout(500)
        page.close()
    assert said == ["This page takes files of up to 1 MB. Save it as FLAC or MP3."]
    assert not [address for address in sent if "upload" in address]


def test_every_tab_and_name_fits_on_a_phone(chromium, app_url, song):
    phone = chromium.new_context(viewport={"width": 390, "height": 844}).new_page()
    phone.goto(app_url)
    phone.set_input_files("#song input[type=file]", str(song))
    phone.wait_for_selector("#song audio", state="attached")
    for name in ("Separate", "Look", "Blend", "Inside", "Zoo", "Script"):
        assert phone.get_by_role("tab", name=name).is_visible()
    phone.click("#separate")
    phone.wait_for_selector(f"{MIXER} .archive:not([hidden])")
    first = f"document.querySelector('{MIXER} .lane .view').getBoundingClientRect()"
    phone.wait_for_function(f"() => {first}.top > 0 && {first}.bottom < innerHeight")
    for title in phone.locator(f"{MIXER} .lane .title").all():
        width = title.evaluate("(e) => [e.scrollWidth, e.clientWidth]")
        assert width[0] <= width[1] + 1
    phone.context.close()


def test_blending_draws_two_answers(page, song, context):
    page.set_input_files("#song input[type=file]", str(song))
    page.wait_for_selector("#song audio", state="attached")
    page.get_by_role("tab", name="Blend").click()
    page.click("#blend")
    page.wait_for_selector("#blend_mixer .lane[data-lane=exact] .picture:not([hidden])")
    assert page.inner_text("#blend_mixer .summary") == "70% vocals · 30% other"
    assert context.troubles == []


def test_a_spec_is_judged_while_it_is_typed(page):
    page.get_by_role("tab", name="Zoo").click()
    page.wait_for_selector("#verdict:has-text('Valid.')")
    page.wait_for_selector("#network_picture img")
    editor = page.locator("#spec .cm-content")
    editor.click()
    page.keyboard.press("Control+End")
    page.keyboard.type("\ntitle: <img src=x onerror=document.title='hacked'>\n")
    page.wait_for_selector("#verdict:has-text('Not valid yet')")
    page.keyboard.press("Control+A")
    page.keyboard.type("<img src=x onerror=document.title='hacked'>")
    page.wait_for_selector("#verdict:has-text('Not valid yet')")
    page.wait_for_timeout(500)
    assert page.title() != "hacked"
    assert page.locator("#verdict img").count() == 0


def test_a_refusal_is_said_on_the_page(page, tmp_path):
    (tmp_path / "notes.wav").write_text("no audio")
    page.set_input_files("#song input[type=file]", str(tmp_path / "notes.wav"))
    page.wait_for_selector("#song audio", state="attached")
    page.click("#separate")
    page.wait_for_selector("text=could not be read as audio")
    page.wait_for_selector("#separate:visible")
    assert page.locator(f"{MIXER} .lane").count() == 0


def test_stopping_keeps_what_was_done(page, song, gate):
    page.set_input_files("#song input[type=file]", str(song))
    page.wait_for_selector("#song audio", state="attached")
    page.click("#separate")
    page.wait_for_selector(f"{MIXER} .progress:not([hidden])")
    gate.open(2)
    page.wait_for_selector(f"{MIXER} .lane[data-lane=original] .picture:not([hidden])")
    wait_for(page, "(mixer.state.lanes[1].pieces || []).length === 2")
    page.click("#stop")
    gate.open(1)  # the handler can only be stopped between blocks
    page.wait_for_selector("#separate:visible")
    page.wait_for_selector(f"{MIXER} .progress", state="hidden")
    assert re.search("Stopped", page.inner_text(f"{MIXER} .facts"))
    assert page.locator(f"{MIXER} .lane.pending").count() == 0


def test_controls_have_names_for_screen_readers(separated):
    page = separated
    nameless = page.evaluate(
        f"""() => [...document.querySelector("{MIXER}").querySelectorAll("button, input, a[href]")]
            .filter((e) => !(e.getAttribute("aria-label") || e.textContent.trim() || e.title))
            .map((e) => e.outerHTML)"""
    )
    assert nameless == []
    images = page.locator(f"{MIXER} .picture:not([hidden])").evaluate_all(
        "(all) => all.map((image) => image.alt)"
    )
    assert images == [
        f"Spectrogram of {t}" for t in ("Original", "Vocals", "Drums", "Bass", "Other")
    ]
