"""Listening with the mixer: pan, fades, the original beside the mix, loudness, the lanes' order."""

import io

import numpy as np
import pytest
import soundfile
from signals import RATE, tone, write
from test_ui_in_the_browser import FIND_MIXER, MIXER, lane, mixer, wait_for, without_end

HERTZ = 441.0  # a whole number of periods a second: a loop of a second has no seam


@pytest.fixture
def tone_song(page, tmp_path):
    """A separated song of 3 s that is one tone, half of full scale left, a quarter right."""
    return separate(page, write(tmp_path / "tone.wav", tone(HERTZ, num_samples=3 * RATE)))


@pytest.fixture
def separated(page, song):
    return separate(page, song)


def separate(page, song):
    page.set_input_files("#song input[type=file]", str(song))
    page.wait_for_selector("#song audio", state="attached")
    page.click("#separate")
    page.wait_for_selector(f"{MIXER} .archive:not([hidden])")
    return page


def listen_to_the_original(page):
    without_end(page)
    page.click(f"{MIXER} .presets button:has-text('Original')")
    wait_for(page, "mixer.playback.playing && mixer.playback.position() > 0.15")


def set_pan(page, name, percent):
    set_slider(lane(page, name).locator(".panning input"), percent)


def set_volume(page, name, percent):
    set_slider(lane(page, name).locator(".volume"), percent)


def set_slider(slider, percent):
    slider.evaluate(
        "(slider, to) => { slider.value = to; slider.dispatchEvent(new Event('input')); }",
        percent,
    )


def rendered(page):
    """The mix as it would be saved, (C, N)."""
    script = f"""async () => {{
        const mixer = {FIND_MIXER};
        const sound = await mixer.playback.render(mixer.mix());
        return [0, 1].map((channel) => Array.from(sound.getChannelData(channel)));
    }}"""
    return np.array(page.evaluate(script))


def test_a_stereo_lane_is_panned_as_saved(tone_song):
    listen_to_the_original(tone_song)
    left, right = tone(HERTZ, num_samples=3 * RATE)
    np.testing.assert_allclose(rendered(tone_song), [left, right], atol=1e-6)
    set_pan(tone_song, "original", 50)
    # Half way to the right, the equation of StereoPannerNode (Web Audio API, section 1.27.5).
    share = np.pi / 4
    wanted = [left * np.cos(share), right + left * np.sin(share)]
    np.testing.assert_allclose(rendered(tone_song), wanted, atol=1e-6)
    set_pan(tone_song, "original", -100)
    np.testing.assert_allclose(rendered(tone_song), [left + right, 0 * left], atol=1e-6)


def test_a_mono_lane_is_panned_at_equal_power(page, tmp_path):
    mono = tone(HERTZ, num_samples=3 * RATE, gains=[0.5])
    separate(page, write(tmp_path / "mono.wav", mono))
    listen_to_the_original(page)
    np.testing.assert_allclose(rendered(page), [mono[0], mono[0]], atol=1e-6)
    set_pan(page, "original", 100)
    np.testing.assert_allclose(rendered(page), [0 * mono[0], np.sqrt(2) * mono[0]], atol=1e-6)


def test_the_lane_without_a_stem_is_panned_too(tone_song):
    without_end(tone_song)
    tone_song.get_by_role("button", name="Karaoke").click()
    wait_for(tone_song, "mixer.levels().minus > 1e-4")
    whole = rendered(tone_song)
    set_pan(tone_song, "minus", -100)
    left, right = rendered(tone_song)
    np.testing.assert_allclose(left, whole.sum(axis=0), atol=1e-5)
    assert np.abs(right).max() < 1e-5


def test_a_pan_is_shown_set_by_keys_and_undone_by_a_double_click(tone_song):
    page = tone_song
    panning = lane(page, "bass").locator(".panning")
    assert panning.locator(".place").inner_text() == "C"
    panning.locator("input").focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    assert panning.locator(".place").inner_text() == "R10"
    assert panning.locator("input").get_attribute("aria-valuetext") == "10 percent right"
    assert panning.locator("input").get_attribute("aria-label") == "Pan of Bass"
    page.keyboard.press("Home")
    assert panning.locator(".place").inner_text() == "L100"
    assert mixer(page, "mixer.mix().lanes.bass.pan") == -1
    panning.locator("input").dblclick(position={"x": 2, "y": 8})
    assert panning.locator(".place").inner_text() == "C"
    assert mixer(page, "mixer.mix().lanes.bass.pan") == 0


@pytest.fixture
def endless_tone(tone_song):
    """The tone, played from 0.5 s to 2.5 s without an end, while what is heard is written down."""
    mixer(tone_song, "mixer.timeline.setLoop({ start: 0.5, end: 2.5 })")
    listen_to_the_original(tone_song)
    tone_song.evaluate(RECORD)
    wait_for_frames(tone_song, RATE // 4)  # while the recorder is being connected
    tone_song.evaluate("window.recorded.length = 0")
    return tone_song


# Writes down what leaves the mix, in blocks of (C, 128).
RECORD = f"""async () => {{
    const {{ graph, context }} = {FIND_MIXER}.playback;
    const code = `registerProcessor("recorder", class extends AudioWorkletProcessor {{
        process([input]) {{
            this.port.postMessage(input.map((channel) => Array.from(channel)));
            return true;
        }}
    }})`;
    const module = new Blob([code], {{ type: "text/javascript" }});
    await context.audioWorklet.addModule(URL.createObjectURL(module));
    const options = {{ channelCount: 2, channelCountMode: "explicit" }};
    const recorder = new AudioWorkletNode(context, "recorder", options);
    window.recorded = [];
    recorder.port.onmessage = ({{ data }}) => window.recorded.push(data);
    graph.master.connect(recorder).connect(context.destination);
}}"""


def recorded(page):
    """What was written down so far, (C, N)."""
    return np.concatenate(page.evaluate("window.recorded"), axis=1)


def wait_for_frames(page, num_frames):
    """Wait until so much more was heard."""
    blocks = page.evaluate("window.recorded.length") + num_frames // 128
    page.wait_for_function("(wanted) => window.recorded.length > wanted", arg=blocks)


def largest_step(samples):
    return np.abs(np.diff(samples)).max()


def test_mute_and_solo_fade_within_milliseconds_and_do_not_click(endless_tone):
    page = endless_tone
    wait_for_frames(page, 4_096)
    lane(page, "original").locator(".mute").click()
    wait_for_frames(page, 8_192)
    lane(page, "original").locator(".mute").click()
    wait_for_frames(page, 8_192)
    lane(page, "original").locator(".solo").click()
    wait_for_frames(page, 8_192)
    left, _ = recorded(page)
    # The steepest place of the tone, and of a fade with a time constant of 5 ms.
    tone_step, fade_step = 0.5 * 2 * np.pi * HERTZ / RATE, 0.5 / (0.005 * RATE)
    assert largest_step(left) <= tone_step + fade_step
    periods = np.abs(left[: len(left) // 100 * 100]).reshape(-1, 100).max(axis=1)  # of 2.3 ms
    assert periods[0] == pytest.approx(0.5, rel=1e-2)
    assert periods[-1] == pytest.approx(0.5, rel=1e-2)
    assert periods.min() < 1e-4
    fading = np.flatnonzero(periods < 0.9 * 0.5)[0]
    assert periods[fading + 9] < 0.05 * 0.5  # 20 ms later


# Loudness, in LUFS, and true peak, in dBTP, of channels by the module that the page fetches.
MEASURE = """async ([url, rate, channels]) => {
    const length = channels[0].length;
    const offline = new OfflineAudioContext(1, length, rate);
    await offline.audioWorklet.addModule(url);
    const options = { channelCount: 2, channelCountMode: "explicit", outputChannelCount: [1] };
    const meter = new AudioWorkletNode(offline, "loudness-meter", options);
    const buffer = offline.createBuffer(channels.length, length, rate);
    channels.forEach((samples, index) => buffer.copyToChannel(Float32Array.from(samples), index));
    const source = new AudioBufferSourceNode(offline, { buffer });
    source.connect(meter).connect(offline.destination);
    source.start();
    const found = [];
    meter.port.onmessage = ({ data }) => found.push(data);
    await offline.startRendering();
    const wanted = Math.floor(length / Math.round(rate / 10));
    while (found.length < wanted) {
        await new Promise((resolve) => setTimeout(resolve, 10));
    }
    return Object.entries(found[wanted - 1]).map(([name, value]) => [name, String(value)]);
}"""
# The same of sines, which are made in the page: parts of [dB of full scale, seconds].
MEASURE_SINE = f"""([url, rate, hertz, radians, gains, parts]) => {{
    const sine = parts.flatMap(([decibels, seconds]) =>
        Array.from({{ length: seconds * rate }}, () => 10 ** (decibels / 20)));
    sine.forEach((level, frame) => {{
        sine[frame] = level * Math.sin((2 * Math.PI * hertz * frame) / rate + radians);
    }});
    const channels = gains.map((gain) => sine.map((sample) => gain * sample));
    return ({MEASURE})([url, rate, channels]);
}}"""


def measured(page, samples, rate=RATE):
    return ask_meter(page, MEASURE, [rate, samples.tolist()])


def measured_sine(page, hertz, *parts, rate=48_000, degrees=0.0, gains=(1.0, 1.0)):
    arguments = [rate, hertz, np.radians(degrees), list(gains), list(parts)]
    return ask_meter(page, MEASURE_SINE, arguments)


def ask_meter(page, script, arguments):
    url = page.url + "gradio_api/mixer/loudness_meter.mjs"
    found = page.evaluate(script, [url, *arguments])
    return {name: float(text.replace("Infinity", "inf")) for name, text in found}


@pytest.mark.parametrize("rate", [22_050, 44_100, 48_000, 96_000])
def test_a_sine_of_997_hz_has_its_known_loudness(page, rate):
    both = measured_sine(page, 997.0, (-20.0, 4), rate=rate)
    assert both["integrated"] == pytest.approx(-20.0, abs=0.05)
    assert both["shortTerm"] == pytest.approx(-20.0, abs=0.05)
    left = measured_sine(page, 997.0, (-20.0, 4), rate=rate, gains=(1.0, 0.0))
    assert left["integrated"] == pytest.approx(-23.01, abs=0.05)


def test_loudness_is_gated_as_the_standard_says(page):
    # EBU Tech 3341, tests 3 and 4: what is below -70 LUFS, or 10 LU below the rest, does not count.
    for outside in ([], [(-72.0, 10)]):
        parts = [*outside, (-36.0, 10), (-23.0, 60), (-36.0, 10), *outside]
        found = measured_sine(page, 1000.0, *parts)
        assert found["integrated"] == pytest.approx(-23.0, abs=0.1)
    assert found["shortTerm"] == pytest.approx(-72.0, abs=0.1)
    silence = measured_sine(page, 1000.0, (0.0, 1), gains=(0.0, 0.0))
    assert silence == {"shortTerm": -np.inf, "integrated": -np.inf, "truePeak": -np.inf}


@pytest.mark.parametrize(("divisor", "degrees"), [(4, 0), (4, 45), (6, 60), (8, 67.5)])
def test_a_true_peak_lies_between_the_samples(page, divisor, degrees):
    # EBU Tech 3341, tests 15 to 18, at full scale: of a quarter of the sample rate at 45 degrees no
    # sample is above -3.01 dB. A sine that began at once would have a peak there.
    fade = [(decibels, 0.01) for decibels in range(-60, 0)]
    hertz = 48_000 / divisor
    found = measured_sine(page, hertz, *fade, (0.0, 1), degrees=degrees, gains=(0.5, 1.0))
    assert -0.4 < found["truePeak"] < 0.2
    assert divisor != 4 or found["truePeak"] == pytest.approx(0.0, abs=0.2)


def test_the_readout_follows_what_is_heard_and_begins_anew(endless_tone):
    page = endless_tone
    found = page.locator(f"{MIXER} .loudness")
    # 441 Hz at -6.02 and -12.04 dB: the standard's filters leave it but for -0.66 dB.
    wanted = measured(page, np.tile(tone(HERTZ, num_samples=RATE), 3), RATE)
    wait_for_frames(page, 4 * RATE)
    shown = [float(t.replace("\u2212", "-")) for t in found.locator("b").all_inner_texts()]
    assert shown == pytest.approx(
        [wanted["shortTerm"], wanted["integrated"], wanted["truePeak"]], abs=0.11
    )
    assert found.inner_text().startswith("S \u2212")
    set_volume(page, "original", 150)
    found.click()  # without it the quieter seconds before would count
    wait_for_frames(page, RATE)
    louder = float(found.locator("b").nth(1).inner_text().replace("\u2212", "-"))
    assert louder == pytest.approx(wanted["integrated"] + 20 * np.log10(1.5), abs=0.11)


def test_without_an_audio_worklet_loudness_and_comparison_say_why_they_are_off(context, app_url):
    page = context.new_page()
    page.add_init_script("delete window.AudioWorkletNode;")
    page.goto(app_url)
    page.wait_for_selector("#separate")
    for name in (".loudness", ".compare"):
        control = page.locator(f"{MIXER} {name}")
        assert control.is_disabled()
        assert "no AudioWorklet" in control.get_attribute("title")


def test_nothing_but_what_runs_beside_the_sound_is_served_beside_it(page):
    folder = page.url + "gradio_api/mixer/"
    module = page.request.get(folder + "loudness_meter.mjs")
    assert module.headers["content-type"].startswith("text/javascript")
    assert page.request.get(folder + "mixer.js").status == 404
    assert page.request.get(folder + "licences.txt").status == 404


def test_mix_and_original_are_in_step_and_change_without_a_click(endless_tone):
    page = endless_tone
    page.click(f"{MIXER} .presets button:has-text('All stems')")
    wait_for(page, "mixer.levels().original < 1e-6")
    page.evaluate("window.recorded.length = 0")
    for _ in range(2):
        page.focus(f"{MIXER} .ruler")
        page.keyboard.press("a")
        page.wait_for_selector(f"{MIXER} .compare[aria-pressed=true]")
        # The stems' sum is the original: nothing is to be matched, and nothing is heard of it.
        assert page.inner_text(f"{MIXER} .side") == "original 0.0 dB to match"
        wait_for_frames(page, 8_192)
        assert mixer(page, "mixer.levels().original") > 0.1
        assert mixer(page, "mixer.levels().vocals") < 1e-4
        page.keyboard.press("a")
        page.wait_for_selector(f"{MIXER} .compare[aria-pressed=false]")
        assert page.inner_text(f"{MIXER} .side") == "mix"
        wait_for_frames(page, 8_192)
    left, right = recorded(page)
    np.testing.assert_allclose(left, 2 * right, atol=1e-4)
    # It is the one sine that it was before, which a step of one sample would move by 0.03.
    radians = 2 * np.pi * HERTZ * np.arange(left.size) / RATE
    waves = np.stack([np.sin(radians), np.cos(radians)])
    before = slice(0, 2_000)
    parts, *_ = np.linalg.lstsq(waves[:, before].T, left[before], rcond=None)
    assert np.hypot(*parts) == pytest.approx(0.5, abs=1e-3)
    np.testing.assert_allclose(left, parts @ waves, atol=1e-3)


def test_the_original_is_brought_to_the_loudness_of_the_mix(separated):
    page = separated
    for name in ("vocals", "drums"):
        lane(page, name).locator(".mute").click()
    set_pan(page, "bass", -100)
    set_volume(page, "other", 50)
    page.click(f"{MIXER} .compare")
    page.wait_for_selector(f"{MIXER} .compare[aria-pressed=true]")
    mix = rendered(page)
    gain = mixer(page, "mixer.playback.mix.lanes.original.level")
    url = mixer(page, "mixer.original.audio.url")
    original, rate = soundfile.read(io.BytesIO(page.request.get(url).body()), always_2d=True)
    wanted = (
        measured(page, mix, rate)["integrated"] - measured(page, original.T, rate)["integrated"]
    )
    assert 20 * np.log10(gain) == pytest.approx(wanted, abs=0.02)
    assert wanted < -1
    shown = page.inner_text(f"{MIXER} .side")
    assert shown == f"original \u2212{abs(wanted):.1f} dB to match"
    with page.expect_download() as waiting:
        page.click(f"{MIXER} .save")
    saved, _ = soundfile.read(waiting.value.path(), always_2d=True)
    np.testing.assert_allclose(saved.T, mix, atol=1e-6)  # the mix, not the original
    # Whoever changes the mix wants to hear it.
    lane(page, "vocals").locator(".mute").click()
    assert page.get_attribute(f"{MIXER} .compare", "aria-pressed") == "false"
    # Without a sound there is no loudness.
    for name in ("vocals", "bass", "other"):
        lane(page, name).locator(".mute").click()
    page.click(f"{MIXER} .compare")
    page.wait_for_selector(f"{MIXER} .side:has-text('one of them is silent')")
    assert mixer(page, "mixer.playback.mix.lanes.original.level") == 1


def shown_order(page):
    return page.locator(f"{MIXER} .lane").evaluate_all("(all) => all.map((e) => e.dataset.lane)")


def test_lanes_are_moved_by_keys_and_said(separated):
    page = separated
    assert shown_order(page) == ["original", "vocals", "drums", "bass", "other", "minus"]
    lane(page, "bass").locator(".mute").focus()
    page.keyboard.press("Alt+ArrowUp")
    assert shown_order(page) == ["original", "vocals", "bass", "drums", "other", "minus"]
    assert page.inner_text(f"{MIXER} .message") == "Bass moved to place 3 of 6."
    assert page.get_attribute(f"{MIXER} .message", "aria-live") == "polite"
    assert page.evaluate("document.activeElement.getAttribute('aria-label')") == "Mute Bass"
    grip = lane(page, "minus").locator(".grip")
    assert grip.get_attribute("aria-label") == "Move Without vocals"
    grip.focus()
    page.keyboard.press("ArrowDown")  # it is the last
    assert shown_order(page)[-1] == "minus"
    page.keyboard.press("ArrowUp")
    assert shown_order(page)[-2:] == ["minus", "other"]
    # The digits follow what is seen; what the host knows and what sounds stay as they are.
    page.keyboard.press("3")
    assert lane(page, "bass").locator(".mute").get_attribute("aria-pressed") == "true"
    names = mixer(page, "mixer.state.lanes.map((lane) => lane.name)")
    assert names == ["original", "vocals", "drums", "bass", "other"]
    order = shown_order(page)
    page.reload()
    page.wait_for_selector(f"{MIXER} .lane, {MIXER} .empty:not([hidden])")
    assert mixer(page, "mixer.order.names") == order


def test_lanes_are_dragged_by_their_grips(separated):
    page = separated
    grip = lane(page, "vocals").locator(".grip").bounding_box()
    other = lane(page, "other").bounding_box()
    page.mouse.move(grip["x"] + 5, grip["y"] + 5)
    page.mouse.down()
    page.mouse.move(grip["x"] + 5, other["y"] + 0.8 * other["height"], steps=3)
    assert lane(page, "vocals").evaluate("(e) => e.classList.contains('dragged')")
    mixer(page, "mixer.sync(mixer.state)")  # the host's news leave it where it is
    page.mouse.up()
    assert shown_order(page) == ["original", "drums", "bass", "other", "vocals", "minus"]
    assert page.inner_text(f"{MIXER} .message") == "Vocals moved to place 5 of 6."
    assert not lane(page, "vocals").evaluate("(e) => e.classList.contains('dragged')")
    page.mouse.move(grip["x"] + 5, grip["y"] + 5)
    assert shown_order(page)[4] == "vocals"


def test_a_safe_lane_goes_on_while_others_are_soloed(separated):
    page = separated
    page.click(f"{MIXER} .play")
    safe = lane(page, "bass").locator(".safe")
    assert safe.get_attribute("aria-label") == "Solo-safe Bass"
    safe.click()
    assert safe.get_attribute("aria-pressed") == "true"
    lane(page, "drums").locator(".solo").click()
    assert heard(page) == ["drums", "bass"]
    lane(page, "bass").locator(".mute").click()
    assert heard(page) == ["drums"]
    lane(page, "bass").locator(".solo").click()
    assert heard(page) == ["drums", "bass"]  # its own solo is above its mute
    lane(page, "bass").locator(".solo").click()
    lane(page, "bass").locator(".mute").click()
    safe.click()
    assert heard(page) == ["drums"]


def heard(page):
    return mixer(page, "Object.entries(mixer.gains()).filter((e) => e[1] > 0).map((e) => e[0])")


@pytest.fixture
def phone(chromium, app_url, song):
    """A separated song on a telephone that is touched."""
    context = chromium.new_context(viewport={"width": 390, "height": 844}, has_touch=True)
    page = context.new_page()
    page.goto(app_url)
    yield separate(page, song)
    context.close()


def test_on_a_phone_all_of_it_fits_and_works_by_touch(phone):
    wide = phone.evaluate(
        f"""() => [...document.querySelectorAll(
            "{MIXER} :is(.listening, .mixes, .controls, .panning)")]
            .filter((e) => e.scrollWidth > e.clientWidth).map((e) => e.className)"""
    )
    assert wide == []
    for control in (".compare", ".loudness", ".lane .grip", ".lane .panning input", ".lane .safe"):
        box = phone.locator(f"{MIXER} {control}").first.bounding_box()
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= 390
    panning = lane(phone, "vocals").locator(".panning input")
    panning.scroll_into_view_if_needed()
    box = panning.bounding_box()
    phone.touchscreen.tap(box["x"] + box["width"] - 5, box["y"] + box["height"] / 2)
    # A browser takes its time to make a click of a touch.
    lane(phone, "vocals").locator(".place:text-matches('^R')").wait_for()
    lane(phone, "bass").locator(".safe").tap()
    lane(phone, "bass").locator(".safe[aria-pressed=true]").wait_for()
    phone.locator(f"{MIXER} .compare").tap()
    phone.wait_for_selector(f"{MIXER} .side:has-text('dB to match')")
    grip = lane(phone, "drums").locator(".grip")
    grip.scroll_into_view_if_needed()
    start, end = grip.bounding_box(), lane(phone, "vocals").bounding_box()
    touch(phone, start["x"] + 20, start["y"] + 16, end["y"] + 5)
    assert shown_order(phone)[:3] == ["original", "drums", "vocals"]
    assert phone.inner_text(f"{MIXER} .message") == "Drums moved to place 2 of 6."


def touch(page, x, start, end):
    """Drag a finger up or down."""
    finger = page.context.new_cdp_session(page)

    def send(kind, *points):
        finger.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": list(points)})

    send("touchStart", {"x": x, "y": start})
    for step in range(1, 6):
        send("touchMove", {"x": x, "y": start + step * (end - start) / 5})
    send("touchEnd")
