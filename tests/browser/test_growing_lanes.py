"""Lanes that grow while the song is being separated: heard at once, in step, without a seam."""

import pytest
from signals import chirp, write

MIXER = "#mixer .mixer"
FIND_MIXER = "[...document.querySelectorAll('#mixer, #mixer *')].find((e) => e.stemMixer).stemMixer"
SAMPLE_RATE = 48_000
SECONDS = 20
STEMS = ["vocals", "drums", "bass", "other"]
# Writes what the vocals' gain gives, from the context's frame `recorded.first` on.
RECORD = """async () => {
    const mixer = FIND_MIXER;
    const { context } = mixer.playback;
    const code = `registerProcessor("recorder", class extends AudioWorkletProcessor {
        process([input]) {
            if (input.length) {
                this.port.postMessage([currentFrame, input[0].slice()]);
            }
            return true;
        }
    })`;
    const module = new Blob([code], { type: "text/javascript" });
    await context.audioWorklet.addModule(URL.createObjectURL(module));
    const recorder = new AudioWorkletNode(context, "recorder");
    window.recorded = [];
    recorder.port.onmessage = ({ data }) => window.recorded.push(data);
    mixer.playback.graph.lanes.get("vocals").direct.gain.connect(recorder).connect(context.destination);
}""".replace("FIND_MIXER", FIND_MIXER)
# The largest difference between what was heard and the lane, and how many frames were compared.
COMPARE = """() => {
    const { playback } = FIND_MIXER;
    const lane = playback.tracks.get("vocals").buffer.getChannelData(0);
    const first = playback.startedAt - playback.frames(playback.offset);
    let most = 0, count = 0, peak = 0;
    // The first quarter of a second was recorded while the recorder was being connected.
    for (const [frame, samples] of window.recorded.slice(94)) {
        samples.forEach((sample, index) => {
            const place = frame + index - first;
            if (place < playback.limit()) {
                most = Math.max(most, Math.abs(sample - lane[place]));
                peak = Math.max(peak, Math.abs(sample));
                count += 1;
            }
        });
    }
    return { most, count, peak };
}""".replace("FIND_MIXER", FIND_MIXER)


@pytest.fixture
def growing(page, gate, tmp_path):
    """A page whose separation has given six blocks and waits."""
    page.files = []
    page.on("request", lambda request: page.files.append(request.url))
    samples = chirp(seconds=SECONDS, rate=SAMPLE_RATE, low=60.0)
    song = write(tmp_path / "A long song.wav", samples, SAMPLE_RATE)
    page.set_input_files("#song input[type=file]", str(song))
    page.wait_for_selector("#song audio", state="attached")
    page.click("#separate")
    gate.open(6)
    wait_for(page, "mixer.state && (mixer.state.lanes[1].pieces || []).length >= 5")
    return page


def mixer(page, expression):
    return page.evaluate(f"() => {{ const mixer = {FIND_MIXER}; return {expression}; }}")


def wait_for(page, expression):
    page.wait_for_function(f"() => {{ const mixer = {FIND_MIXER}; return {expression}; }}")


# Notes where the playback is, and the context's time then, whenever the page is drawn.
NOTE_POSITIONS = f"""() => {{
    const {{ playback }} = {FIND_MIXER};
    window.positions = [];
    const note = () => {{
        const now = playback.context.currentTime;
        window.positions.push([playback.position(now), now]);
        requestAnimationFrame(note);
    }};
    note();
}}"""


def hold_at(page, seconds):
    """Stop the context's time once the playback has come so far; for the mixer it goes on."""
    wait_for(
        page,
        f"mixer.playback.playing && mixer.playback.position() > {seconds}"
        " && (mixer.playback.context.suspend(), true)",
    )
    wait_for(page, "mixer.playback.context.state === 'suspended'")


def let_go(page):
    mixer(page, "mixer.playback.context.resume()")


def reach(page):
    return mixer(page, "mixer.reach()")


def play(page):
    page.click(f"{MIXER} .play")
    wait_for(page, "mixer.playback.playing && mixer.playback.position() > 0.15")


def whole_files(page):
    """Requests for the files of whole lanes; those of pieces lie in folders of their own."""
    return [url for url in page.files if url.endswith(".flac") and "/from-" not in url]


def test_the_first_seconds_sound_while_the_rest_is_being_separated(growing, gate, context):
    page = growing
    assert page.locator(f"{MIXER} .progress").is_visible()
    assert page.locator(f"{MIXER} .lane.growing").count() == 4
    widths = page.locator(f"{MIXER} .lane[data-lane=vocals] .pieces img").evaluate_all(
        "(all) => all.map((image) => parseFloat(image.style.width))"
    )
    assert sum(widths) == pytest.approx(100 * reach(page) / SECONDS, abs=0.01)
    assert mixer(page, "mixer.playback.context") is None  # no sound before a gesture
    page.click(f"{MIXER} .play")
    heard = f"{[*STEMS, 'master']}.every((name) => mixer.levels()[name] > 1e-4)"
    wait_for(page, f"mixer.playback.playing && {heard}")
    assert mixer(page, "mixer.playback.context.sampleRate") == SAMPLE_RATE
    page.evaluate(NOTE_POSITIONS)
    end = reach(page)
    wait_for(page, "mixer.playback.waiting")
    assert mixer(page, "mixer.playback.position()") == pytest.approx(end, abs=0.02)
    assert page.inner_text(f"{MIXER} .message") == "Waiting for the next seconds\u2026"
    wait_for(page, "mixer.levels().master < 1e-4")
    gate.open(18)
    goes_on = f"!mixer.playback.waiting && mixer.playback.position() > {end + 0.2}"
    is_said = "document.querySelector('#mixer .mixer .message').textContent === ''"
    wait_for(page, f"{goes_on} && {is_said} && mixer.levels().vocals > 1e-4")
    positions = [position for position, _ in page.evaluate("window.positions")]
    assert positions == sorted(positions)
    wait_for(page, "mixer.reach() > 12")
    page.focus(f"{MIXER} .ruler")
    page.keyboard.press("Home")
    hold_at(page, 0.1)  # so that the rest comes in time, whatever time it takes
    started = mixer(page, "mixer.playback.startedAt")
    page.evaluate("window.positions.length = 0")
    gate.open()
    page.wait_for_selector(f"{MIXER} .archive:not([hidden])")
    wait_for(
        page, "[...mixer.playback.tracks.values()].every((track) => track.filled === Infinity)"
    )
    let_go(page)
    wait_for(page, "mixer.playback.position() > 1 && mixer.levels().vocals > 1e-4")
    assert mixer(page, "mixer.playback.startedAt") == started  # it went on and did not start anew
    assert mixer(page, "mixer.playback.playing && !mixer.playback.waiting")
    late = [time - position for position, time in page.evaluate("window.positions")]
    assert max(late) - min(late) < 1e-6
    assert whole_files(page) == []
    page.wait_for_selector(f"{MIXER} .lane[data-lane=vocals] .picture:not([hidden])")
    wait_for(
        page,
        "document.querySelectorAll('#mixer .lane:not([data-kind=minus]) .pieces img').length === 0",
    )
    assert context.troubles == []


def test_pieces_join_without_a_seam(growing, gate):
    page = growing
    gate.open(18)
    wait_for(page, "mixer.reach() > 12")
    mixer(page, "mixer.seek(8)")
    page.click(f"{MIXER} .play")
    hold_at(page, 8.4)  # the gains are at rest
    page.evaluate(RECORD)
    before = mixer(page, "mixer.playback.tracks.get('vocals').filled")
    started = mixer(page, "mixer.playback.startedAt")
    first = mixer(page, "mixer.playback.position()") * SAMPLE_RATE
    gate.open()
    page.wait_for_selector(f"{MIXER} .archive:not([hidden])")
    wait_for(page, "mixer.playback.tracks.get('vocals').filled === Infinity")
    let_go(page)
    recorded = "window.recorded.length && window.recorded.at(-1)[0] - mixer.playback.startedAt"
    wait_for(page, f"{recorded} > {before + 24_000} - mixer.playback.frames(8)")
    assert mixer(page, "mixer.playback.startedAt") == started
    heard = page.evaluate(COMPARE)
    assert heard["count"] > before - first
    assert heard["peak"] > 0.01
    assert heard["most"] < 1e-6


def test_seeking_stays_within_what_is_there(growing, gate):
    page = growing
    end = reach(page)
    box = page.locator(f"{MIXER} .lane[data-lane=drums] .view").bounding_box()
    page.mouse.click(box["x"] + 0.9 * box["width"], box["y"] + 10)
    assert mixer(page, "mixer.playback.position()") == pytest.approx(end, abs=1e-3)
    page.mouse.click(box["x"] + 0.1 * box["width"], box["y"] + 10)
    assert mixer(page, "mixer.playback.position()") == pytest.approx(0.1 * SECONDS, abs=0.05)
    page.click(f"{MIXER} .play")
    wait_for(page, f"mixer.playback.position() > {0.1 * SECONDS + 0.2}")
    page.focus(f"{MIXER} .ruler")
    page.keyboard.press("End")
    wait_for(page, "mixer.playback.waiting")
    page.keyboard.press("Home")
    inside = f"mixer.playback.position() > 0.1 && mixer.playback.position() < {end}"
    wait_for(page, f"!mixer.playback.waiting && {inside}")
    # The original is there as a whole: alone, it can be heard to its end.
    page.locator(f"{MIXER} .lane[data-lane=original] .solo").click()
    page.click(f"{MIXER} .play")  # so that it stays where it is sought
    page.mouse.click(box["x"] + 0.5 * box["width"], box["y"] + 10)
    assert mixer(page, "mixer.playback.position()") == pytest.approx(10, abs=0.05)
    page.click(f"{MIXER} .play")
    wait_for(page, "!mixer.playback.waiting && mixer.playback.position() > 10.2")


def test_the_original_is_compared_with_what_is_there(growing):
    page = growing
    play(page)
    page.focus(f"{MIXER} .ruler")
    page.keyboard.press("a")
    # The stems' sum is the original, and both are measured up to the same sample.
    page.wait_for_selector(f"{MIXER} .side:text-is('original 0.0 dB to match')")
    mixer(page, "mixer.seek(5)")
    wait_for(page, "mixer.playback.position() > 5.1 && mixer.levels().original > 1e-3")
    page.keyboard.press("a")
    wait_for(page, "mixer.playback.waiting")  # the mix has not come so far
    assert page.inner_text(f"{MIXER} .side") == "mix"
    page.keyboard.press("a")
    wait_for(page, "!mixer.playback.waiting && mixer.playback.position() > 5.2")
    mixer(page, "mixer.timeline.setLoop({ start: 0.5, end: 2.5 })")  # where the mix is
    page.keyboard.press("a")
    wait_for(page, "mixer.levels().original < 1e-5 && mixer.levels().vocals > 1e-4")


def test_a_loop_sounds_as_soon_as_all_of_it_is_there(growing, gate):
    page = growing
    play(page)
    end = reach(page)
    mixer(page, "mixer.timeline.setLoop({ start: 0.5, end: 1.0 })")
    wait_for(page, "mixer.playback.looping")
    page.wait_for_timeout(1200)
    assert 0.5 <= mixer(page, "mixer.playback.position()") <= 1.0
    assert mixer(page, "mixer.levels().vocals") > 1e-4
    nodes = "[...mixer.playback.tracks.values()].map((track) => track.nodes.size)"
    assert set(mixer(page, nodes)) == {1}
    mixer(page, f"mixer.timeline.setLoop({{ start: {end - 0.5}, end: {end + 0.5} }})")
    assert mixer(page, "mixer.playback.looping") is False
    wait_for(page, "mixer.playback.waiting")
    gate.open(6)
    wait_for(page, "mixer.playback.looping && !mixer.playback.waiting")
    gate.open()
    page.wait_for_selector(f"{MIXER} .archive:not([hidden])")
    page.wait_for_timeout(1200)
    assert end - 0.5 <= mixer(page, "mixer.playback.position()") <= end + 0.5
    assert set(mixer(page, nodes)) == {1}
    assert whole_files(page) == []


def test_what_was_heard_is_kept_when_the_separation_is_stopped(growing, gate):
    page = growing
    play(page)
    end = reach(page)
    page.click("#stop")
    gate.open(1)  # the handler can only be stopped between blocks
    wait_for(page, "!mixer.state.progress")
    done = mixer(page, "mixer.state.seconds")
    assert end <= done < SECONDS
    assert page.inner_text(f"{MIXER} .facts") == "Stopped."
    assert page.locator(f"{MIXER} .lane:is(.pending, .growing)").count() == 0
    wait_for(
        page, "[...mixer.playback.tracks.values()].every((track) => track.filled === Infinity)"
    )
    assert whole_files(page) == []
    mixer(page, "mixer.timeline.setLoop({ start: 0, end: 2 })")  # it does not end meanwhile
    page.focus(f"{MIXER} .ruler")
    page.keyboard.press("Home")
    if not mixer(page, "mixer.playback.playing"):
        page.keyboard.press(" ")
    wait_for(page, "mixer.playback.position() > 0.2 && mixer.levels().vocals > 1e-4")
    with page.expect_download() as waiting:
        page.locator(f"{MIXER} .lane[data-lane=bass] .download").click()
    assert waiting.value.suggested_filename == "A long song - bass.flac"
