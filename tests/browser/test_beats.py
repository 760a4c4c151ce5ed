"""Beats, tempo and key in the mixer: shown, corrected, clicked, and what loops snap to."""

import numpy as np
import pytest
from mixer_page import show_result, write_result
from signals import RATE, noise
from test_analysis import C_MAJOR, chord
from test_practice import set_speed
from test_ui_in_the_browser import FIND_MIXER, MIXER, mixer, separated, wait_for, without_end

from zoo.audio import resample
from zoo.ui.mixer_files import ASSETS

__all__ = ["separated"]  # a fixture

pytest.importorskip("librosa", reason="the beats need: pip install librosa")

BEATS = f"{MIXER} .beats"
PHONE = {"width": 390, "height": 844}
FIRST_BEAT = 0.25  # seconds; then two beats a second


def clicks_and_chords(seconds, *, rate=RATE):
    """120 BPM in C major, a chord a bar: the stems (2, N)."""
    chords = np.concatenate([chord(notes, seconds=2.0) for notes in C_MAJOR * 4])
    first, length = round(FIRST_BEAT * rate), round(seconds * rate)
    other = np.zeros(length, np.float32)
    other[first:] = resample(chords[None], from_rate=22_050, to_rate=rate)[0, : length - first]
    drums = np.zeros(length, np.float32)
    burst = noise(rate // 50, channels=1)[0]
    for start in np.arange(FIRST_BEAT, seconds - 0.1, 0.5):
        begin = round(start * rate)
        drums[begin : begin + len(burst)] = burst
    return {"drums": np.stack([drums, drums]), "other": np.stack([other, other])}


@pytest.fixture(scope="module")
def steady_result(folder, mixer_address):
    return write_result(folder, clicks_and_chords(12.0), rate=RATE)


@pytest.fixture
def troubles():
    return []


@pytest.fixture
def visit(chromium, mixer_address, troubles):
    """Open the page of the mixer; keyword arguments are those of a browser context."""
    contexts = []

    def visit(script="", **options):
        context = chromium.new_context(**options)
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: troubles.append(str(error)))
        page.add_init_script(script)
        page.goto(mixer_address)
        return page

    yield visit
    for context in contexts:
        context.close()


@pytest.fixture
def steady(visit, steady_result):
    page = visit()
    show_result(page, steady_result)
    return page


def is_loud(meter):
    """An expression: whether a meter has heard a click within the time from one to the next.

    A busy machine draws a page, and looks at its meters, a few times a second only.
    """
    return f"mixer.playback.level(Object.assign({meter}, {{ fftSize: 32768 }})) > 0.005"


CLICK = "mixer.playback.tracks.get('click')"
CLICKS = f"{CLICK} && {is_loud(f'{CLICK}.analyser')}"


def fact(page, name):
    return page.get_attribute(f"{BEATS} .{name}", "aria-label")


def shown_bpm(page):
    return page.inner_text(f"{BEATS} .bpm b")


# --- the grid, without a page


@pytest.fixture
def grid(chromium):
    """Evaluate an expression about `grid`: two beats a second from 1 s to 5 s, bars from 2 s."""
    page = chromium.new_page()
    scripts = (ASSETS / "beat_grid.js").read_text() + (ASSETS / "clicks.js").read_text()
    times = [1 + index / 2 for index in range(9)]
    yield lambda expression: page.evaluate(
        f"""async () => {{
            const WHOLE = Infinity;
            {scripts}
            const grid = new BeatGrid({{ times: {times}, downbeat: 2 }});
            return {expression};
        }}"""
    )
    page.close()


def test_the_grid_goes_on_before_the_first_beat_and_after_the_last(grid):
    assert grid("[grid.bpm, grid.timeOf(-3), grid.timeOf(12)]") == [120, -0.5, 7]
    assert grid("[-0.6, 0.9, 1, 1.7, 4.9, 5, 6.6].map((t) => grid.indexAt(t))") == [
        *(-4, -1, 0, 1, 7, 8, 11)
    ]
    bars = grid("grid.between(-2.1, 6.5).filter((b) => b.beginsBar).map((b) => b.time)")
    assert bars == [-2, 0, 2, 4, 6]
    assert grid("grid.between(1, 2).map((b) => b.time)") == [1, 1.5]


def test_loops_snap_to_beats_and_bars_and_never_vanish(grid):
    loop = "{ start: 1.3, end: 1.4 }"
    assert grid(f"grid.snapLoop({loop}, 'beat', 9)") == {"start": 1.5, "end": 2}
    assert grid(f"grid.snapLoop({loop}, 'bar', 9)") == {"start": 2, "end": 4}
    assert grid("grid.snapLoop({ start: 2.9, end: 6.9 }, 'bar', 6.5)") == {"start": 2, "end": 6}
    assert grid("grid.snapLoop({ start: -1, end: 6.9 }, 'bar', 6.5)") == {"start": 0, "end": 6}


def test_tempo_doubles_halves_and_bars_move(grid):
    doubled = grid(
        "(({ bpm, times, downbeat }) => [bpm, times.length, times[1], downbeat])(grid.doubled())"
    )
    assert doubled == [240, 18, 1.25, 4]
    assert grid("[grid.halved().bpm, ...grid.halved().times]") == [60, 1, 2, 3, 4, 5]
    assert grid("grid.shifted().halved().times") == [1.5, 2.5, 3.5, 4.5]
    bars = "grid.shifted().between(0, 5).filter((b) => b.beginsBar).map((b) => b.time)"
    assert grid(bars) == [0.5, 2.5, 4.5]


def test_taps_make_the_steady_grid_that_is_nearest_to_them(grid):
    assert grid("gridOfTaps([3])") is None
    assert grid("gridOfTaps([3, 3.01])") is None  # nobody taps so fast
    assert grid("gridOfTaps([3, 8])") is None
    bpm, first, second = grid(
        "((g) => [g.bpm, g.timeOf(0), g.timeOf(1)])(gridOfTaps([3.01, 3.49, 4.01, 4.49]))"
    )
    assert [bpm, first, second] == pytest.approx([60 / 0.496, 3.006, 3.502])


def test_clicks_lie_on_the_beats_and_those_of_bars_are_higher(grid):
    script = """((buffer) => [buffer.sampleRate, ...buffer.getChannelData(0)])(
        clickSound(new OfflineAudioContext(1, 1, 44100), grid.between(0, 3), 0, 3))"""
    rate, *samples = grid(script)
    samples = np.abs(samples)
    loud = samples > 0.2
    starts = [i / rate for i in np.flatnonzero(loud) if not loud[max(0, i - 100) : i].any()]
    assert starts == pytest.approx([0, 0.5, 1, 1.5, 2, 2.5], abs=0.001)

    def crossings(second):
        first = round(second * rate)
        return np.sum(np.diff(np.sign(np.array(grid(script)[1:])[first : first + 200])) != 0)

    assert crossings(2.0) == pytest.approx(1.5 * crossings(2.5), rel=0.15)


def test_a_count_in_is_the_bar_before_the_place(grid):
    script = """((lead) => [lead.seconds, lead.sound.duration])(
        countInSound(new OfflineAudioContext(1, 1, 44100), grid, PLACE))"""
    assert grid(script.replace("PLACE", "3")) == pytest.approx([2, 2], abs=1e-3)
    assert grid(script.replace("PLACE", "0")) == pytest.approx([2, 2], abs=1e-3)
    assert grid(script.replace("PLACE", "3.2")) == pytest.approx([2.2, 2.2], abs=1e-3)


# --- the page


def test_tempo_and_key_are_shown_and_follow_speed_and_key(steady, troubles):
    page = steady
    assert fact(page, "bpm") == "Tempo: 120 BPM, sure"
    assert fact(page, "song-key") == "Key: C major, sure"
    for _ in range(2):
        page.click(f"{MIXER} .key-up")
    assert fact(page, "song-key") == "Key: D major, sure"
    for _ in range(3):
        page.click(f"{MIXER} .key-down")
    assert fact(page, "song-key") == "Key: B major, sure"
    page.locator(f"{MIXER} .speed input").fill("80")
    page.locator(f"{MIXER} .speed input").dispatch_event("change")
    assert shown_bpm(page) == "96 BPM"
    assert troubles == []


def test_beats_and_bars_are_drawn_where_they_are(steady):
    page = steady
    lines = page.locator(f"{MIXER} .ruler .beat-lines")
    assert lines.get_attribute("viewBox") == "0 0 12 1"
    places = page.evaluate(
        f"""() => ["beat", "bar"].map((kind) =>
            document.querySelector("{MIXER} .lane[data-lane=drums] .beat-lines ." + kind)
                .getAttribute("d").split("M").slice(1).map(parseFloat))"""
    )
    expected = np.arange(FIRST_BEAT, 12, 0.5)
    found = np.sort(np.concatenate(places))
    np.testing.assert_allclose(found, expected[: len(found)], atol=0.03)
    np.testing.assert_allclose(np.array(places[1]), np.arange(FIRST_BEAT, 12, 2.0), atol=0.03)
    bar = page.locator(f"{MIXER} .lane[data-lane=drums] .beat-lines .bar")
    assert bar.evaluate("(e) => getComputedStyle(e).display") == "inline"


def test_loops_snap_on_the_page_by_mouse_and_keyboard(steady):
    page = steady
    page.focus(f"{MIXER} .play")
    page.keyboard.press("b")
    page.keyboard.press("b")
    assert page.input_value(f"{BEATS} .snap") == "bar"
    assert page.inner_text(f"{MIXER} .message") == "Loop edges snap to: bars."
    ruler = page.locator(f"{MIXER} .ruler").bounding_box()
    page.mouse.move(ruler["x"] + 0.2 * ruler["width"], ruler["y"] + 8)
    page.mouse.down()
    page.mouse.move(ruler["x"] + 0.33 * ruler["width"], ruler["y"] + 8, steps=5)
    page.mouse.up()
    loop = mixer(page, "[mixer.playback.loop.start, mixer.playback.loop.end]")
    assert loop == pytest.approx([2.25, 4.25], abs=0.03)
    page.select_option(f"{BEATS} .snap", "beat")
    page.focus(f"{MIXER} .play")
    page.keyboard.press("Escape")
    page.evaluate(f"() => {FIND_MIXER}.seek(5.4)")
    page.keyboard.press("l")
    loop = mixer(page, "[mixer.playback.loop.start, mixer.playback.loop.end]")
    assert loop == pytest.approx([5.25, 9.25], abs=0.03)


def test_the_tempo_is_corrected_and_reset(steady):
    page = steady
    page.get_by_role("button", name="Half the tempo").click()
    assert fact(page, "bpm") == "Tempo: 60 BPM, corrected"
    page.get_by_role("button", name="Double the tempo").click()
    page.get_by_role("button", name="Begin bars one beat later").click()
    first = "mixer.beats.grid.between(0, 9).find((beat) => beat.beginsBar).time"
    assert mixer(page, first) == pytest.approx(FIRST_BEAT + 0.5, abs=0.03)
    page.get_by_role("button", name="Back to the tempo that was found").click()
    assert fact(page, "bpm") == "Tempo: 120 BPM, sure"
    assert mixer(page, first) == pytest.approx(FIRST_BEAT, abs=0.03)
    assert not page.is_visible(f"{BEATS} .found")


def test_a_click_sounds_in_step_at_any_speed_and_is_not_saved(steady):
    page = steady
    set_speed(page, 50)
    page.focus(f"{MIXER} .play")
    page.keyboard.press("c")
    assert page.get_attribute(f"{BEATS} .click", "aria-pressed") == "true"
    page.click(f"{MIXER} .play")
    wait_for(page, CLICKS)
    nodes = mixer(
        page,
        "['click', 'drums'].map((name) => [...mixer.playback.tracks.get(name).nodes]"
        ".map((node) => [node.playbackRate.value, node.loop]))",
    )
    assert nodes[0] == nodes[1] == [[0.5, False]]
    gains = mixer(page, "Object.keys(mixer.gains())")
    assert "click" not in gains  # of which the saved mix is made
    page.keyboard.press("c")
    wait_for(page, "!mixer.playback.tracks.has('click')")
    assert mixer(page, "mixer.playback.playing")


def test_a_click_that_is_switched_on_while_a_loop_plays_joins_it(steady):
    page = steady
    page.evaluate(f"() => {FIND_MIXER}.timeline.setLoop({{ start: 2.2, end: 3.2 }})")
    page.click(f"{MIXER} .play")
    wait_for(page, "mixer.playback.looping")
    page.get_by_role("button", name="Click", exact=True).click()
    wait_for(page, CLICKS)
    node = mixer(
        page,
        "[...mixer.playback.tracks.get('click').nodes].map((n) => [n.loopStart, n.loopEnd])",
    )
    assert node == [[2.2, 3.2]]


def start_counting(page):
    """Start at 4.25 s after a bar of 8 s, so that a busy machine has time to look."""
    for _ in range(2):
        page.get_by_role("button", name="Half the tempo").click()
    page.evaluate(f"() => {FIND_MIXER}.seek(4.25)")
    page.get_by_role("button", name="Count-in").click()
    page.click(f"{MIXER} .play")
    wait_for(page, "mixer.playback.countIn")


def test_a_bar_is_counted_before_the_song_begins(steady):
    page = steady
    start_counting(page)
    due = "mixer.playback.startedAt / mixer.playback.context.sampleRate"
    left, position, level = mixer(
        page,
        f"[{due} - mixer.playback.context.currentTime,"
        "mixer.playback.position(), mixer.levels().other]",
    )
    assert 0 < left < 8.1
    assert position == pytest.approx(4.25, abs=0.001)
    assert level < 1e-5  # nothing of the song
    wait_for(page, f"{is_loud('mixer.playback.masterMeter')} && mixer.playback.position() === 4.25")
    wait_for(page, "mixer.playback.position() > 4.3 && mixer.levels().other > 1e-5")


def test_a_count_in_is_stopped_like_the_song(steady):
    page = steady
    start_counting(page)
    page.click(f"{MIXER} .play")
    assert mixer(page, "[mixer.playback.countIn, mixer.playback.playing]") == [None, False]
    assert mixer(page, "mixer.playback.position()") == pytest.approx(4.25, abs=0.001)


def test_a_lane_that_is_switched_on_during_the_count_in_begins_with_the_others(steady):
    page = steady
    start_counting(page)
    page.locator(f"{MIXER} .lane[data-lane=original] .mute").click()
    wait_for(page, "mixer.playback.tracks.has('original')")
    silent = "mixer.playback.position() === 4.25 && mixer.levels().original < 1e-5"
    assert mixer(page, silent)
    wait_for(page, "mixer.playback.position() > 4.3 && mixer.levels().original > 1e-4")


def tap(page, *seconds):
    """Taps at the given times of the clock."""
    page.evaluate(
        f"""(times) => {{
            const now = performance.now;
            for (const time of times) {{
                performance.now = () => 1000 * time;
                {FIND_MIXER}.beats.tap();
            }}
            performance.now = now;
        }}""",
        seconds,
    )


def test_without_beats_the_controls_say_why_and_taps_set_the_tempo(visit, folder, troubles):
    page = visit()
    show_result(page, write_result(folder, {"other": noise(6 * RATE)}, rate=RATE))
    assert page.inner_text(f"{BEATS} .note").startswith("No steady beat found. Tap")
    assert fact(page, "bpm") == "Tempo: \u2013 BPM"
    assert fact(page, "song-key") == "Key: no clear key"
    for name in ("Click", "Count-in", "\u00f72: Half the tempo"):
        button = page.get_by_role("button", name=name, exact=True)
        assert button.is_disabled()
        assert button.get_attribute("title") == "There are no beats yet: tap the tempo first."
    assert page.locator(f"{BEATS} .snap").is_disabled()
    page.focus(f"{MIXER} .play")
    page.keyboard.press("c")
    page.keyboard.press("k")
    page.keyboard.press("b")
    assert mixer(page, "[mixer.beats.hasClick, mixer.beats.hasCountIn, mixer.beats.snap]") == [
        False,
        False,
        "off",
    ]
    page.evaluate(f"() => {FIND_MIXER}.seek(1)")
    tap(page, 50, 50.5, 51, 51.5)
    assert fact(page, "bpm") == "Tempo: 120 BPM, tapped"
    assert page.inner_text(f"{BEATS} .note") == ""
    bars = (
        "mixer.beats.grid.between(0, 6).filter((beat) => beat.beginsBar).map((beat) => beat.time)"
    )
    assert mixer(page, bars) == pytest.approx([1, 3, 5])
    assert page.locator(f"{BEATS} .click").is_enabled()
    assert not page.is_visible(f"{BEATS} .found")
    tap(page, 60, 61)  # after a rest they begin anew
    assert shown_bpm(page) == "60 BPM"
    assert troubles == []


def test_taps_while_playing_lie_where_the_song_is_heard(steady):
    page = steady
    page.click(f"{MIXER} .play")
    wait_for(page, "mixer.playback.playing")
    page.evaluate(
        f"""() => {{
            const {{ beats, playback }} = {FIND_MIXER};
            const now = performance.now;
            playback.speed = 0.5;
            for (const index of [0, 1, 2, 3]) {{
                performance.now = () => 1000 * index;
                playback.heardPosition = () => 2.1 + 0.5 * index;
                beats.tap();
            }}
            performance.now = now;
        }}"""
    )
    assert mixer(page, "mixer.beats.grid.bpm") == pytest.approx(120)
    assert mixer(page, "mixer.beats.grid.timeOf(0)") == pytest.approx(2.1)


def test_without_an_analysis_the_page_says_so_and_taps_work(visit, steady_result, troubles):
    page = visit()
    show_result(page, {**steady_result, "id": "static", "analysis": ""})
    assert "this page does not look for beats" in page.inner_text(f"{BEATS} .note")
    assert not page.is_visible(f"{BEATS} .song-key")
    tap(page, 10, 10.4, 10.8)
    assert fact(page, "bpm") == "Tempo: 150 BPM, tapped"
    page.get_by_role("button", name="Click", exact=True).click()
    without_end(page)
    page.click(f"{MIXER} .play")
    wait_for(page, CLICKS)
    assert troubles == []


def test_an_analysis_that_cannot_be_fetched_is_said(visit, steady_result):
    page = visit()
    lost = {**steady_result, "id": "lost", "analysis": "gradio_api/gone.json"}
    page.evaluate("(state) => { props.value = state; showState(); }", lost)
    page.wait_for_selector(f"{BEATS} .note:has-text('could not be fetched (404)')")
    assert page.locator(f"{BEATS} .tap").is_enabled()


def test_another_song_brings_its_own_beats(steady, folder):
    page = steady
    page.get_by_role("button", name="Half the tempo").click()
    slower = {name: stem[:, : 8 * RATE] for name, stem in clicks_and_chords(12.0).items()}
    show_result(page, write_result(folder, {"drums": np.repeat(slower["drums"], 2, 1)}, rate=RATE))
    assert fact(page, "bpm").startswith("Tempo: 60 BPM")
    assert not page.is_visible(f"{BEATS} .found")


def test_a_song_of_a_second_has_no_beats(visit, folder, troubles):
    page = visit()
    show_result(page, write_result(folder, clicks_and_chords(1.0), rate=RATE))
    assert page.inner_text(f"{BEATS} .note").startswith("No steady beat found.")
    assert troubles == []


def test_a_song_of_192_khz_clicks_too(visit, folder, troubles):
    page = visit()
    show_result(page, write_result(folder, clicks_and_chords(6.0, rate=192_000), rate=192_000))
    assert float(shown_bpm(page).split()[0]) == pytest.approx(120, abs=1)
    page.get_by_role("button", name="Click", exact=True).click()
    without_end(page)
    page.click(f"{MIXER} .play")
    wait_for(page, CLICKS)
    assert troubles == []


def test_without_an_audio_worklet_clicks_and_count_in_work(visit, steady_result, troubles):
    page = visit("delete window.AudioWorkletNode;")
    show_result(page, steady_result)
    assert shown_bpm(page) == "120 BPM"
    page.get_by_role("button", name="Click", exact=True).click()
    page.get_by_role("button", name="Count-in").click()
    page.click(f"{MIXER} .play")
    wait_for(page, f"mixer.playback.countIn && {is_loud('mixer.playback.masterMeter')}")
    wait_for(page, CLICKS)
    assert troubles == []


def test_the_controls_speak_the_visitors_language(visit, steady_result):
    page = visit(locale="de-DE")
    show_result(page, steady_result)
    assert fact(page, "song-key") == "Tonart: C-Dur, sicher"
    page.click(f"{MIXER} .key-down")
    assert fact(page, "song-key") == "Tonart: H-Dur, sicher"
    assert page.inner_text(f"{BEATS} .count-in") == "Einzählen"


def test_a_shared_link_has_the_beats_too(separated, chromium):
    separated.wait_for_selector(f"{BEATS} .note:has-text('No steady beat found')")
    separated.click("#share")
    separated.wait_for_selector("#share:has-text('Link copied')")
    visitor = chromium.new_context()
    other = visitor.new_page()
    other.goto(separated.evaluate("navigator.clipboard.readText()"))
    other.wait_for_selector(f"{BEATS} .note:has-text('No steady beat found')")
    shown = [page.inner_text(f"{BEATS} .bpm") for page in (separated, other)]
    visitor.close()
    assert shown[0] == shown[1] == "\u2013 BPM"


@pytest.mark.parametrize("locale", ["en-US", "de-DE", "es-ES"])
def test_on_a_phone_the_controls_fit_and_are_tapped(visit, steady_result, locale):
    phone = visit(viewport=PHONE, has_touch=True, is_mobile=True, locale=locale)
    show_result(phone, steady_result)
    right = phone.locator(MIXER).evaluate("(e) => e.getBoundingClientRect().right")
    for control in phone.locator(f"{BEATS} :is(button:not([hidden]), select)").all():
        box = control.bounding_box()
        assert box["height"] >= 30
        assert box["x"] + box["width"] <= right
    without_end(phone)
    phone.locator(f"{BEATS} .click").tap()
    phone.locator(f"{MIXER} .play").tap()
    wait_for(phone, CLICKS)
    wait_for(phone, "mixer.levels().other > 1e-5")
