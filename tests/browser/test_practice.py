"""Practising with the mixer: speed without a change of pitch, key without a change of speed."""

import numpy as np
import pytest
from signals import write
from test_ui_in_the_browser import FIND_MIXER, MIXER, mixer, wait_for, without_end

RATE = 44_100


def tone_of_440_hz():
    """3 s in stereo, (C, N)."""
    return np.tile(0.5 * np.sin(2 * np.pi * 440.0 * np.arange(3 * RATE) / RATE), (2, 1))


@pytest.fixture
def a440(page, tmp_path):
    """A separated song of 3 s that is a tone of 440 Hz."""
    song = write(tmp_path / "a440.wav", tone_of_440_hz())
    page.set_input_files("#song input[type=file]", str(song))
    page.wait_for_selector("#song audio", state="attached")
    page.click("#separate")
    page.wait_for_selector(f"{MIXER} .archive:not([hidden])")
    without_end(page)
    page.click(f"{MIXER} .presets button:has-text('Original')")
    wait_for(page, "mixer.playback.position() > 0.1")
    page.click(f"{MIXER} .play")
    mixer(page, "mixer.timeline.setLoop(null)")
    return page


def rendered(page):
    """The mix as it would be saved: its first channel."""
    script = f"""async () => {{
        const mixer = {FIND_MIXER};
        const sound = await mixer.playback.render(mixer.mix());
        return Array.from(sound.getChannelData(0));
    }}"""
    return np.array(page.evaluate(script))


def frequency(samples):
    """Frequency in Hz of the loudest tone: the peak of the spectrum of the steady part."""
    steady = samples[len(samples) // 6 : -len(samples) // 6]
    levels = np.abs(np.fft.rfft(steady * np.hanning(len(steady)), n=1 << 20))
    return np.argmax(levels) * RATE / (1 << 20)


def set_speed(page, percent):
    page.locator(f"{MIXER} .speed input").fill(str(percent))
    page.locator(f"{MIXER} .speed input").dispatch_event("change")
    page.wait_for_function(f"() => Math.abs({FIND_MIXER}.playback.speed - {percent / 100}) < 1e-9")
    page.wait_for_timeout(500)


def test_at_80_percent_a_tone_keeps_its_pitch_and_lasts_longer(a440):
    set_speed(a440, 80)
    samples = rendered(a440)
    assert len(samples) == pytest.approx(3.0 * RATE / 0.8, abs=1)
    assert frequency(samples) == pytest.approx(440.0, abs=0.5)
    assert np.abs(samples[-RATE // 2 : -RATE // 4]).max() > 0.05  # it sounds to its end


def test_two_semitones_up_the_tone_is_higher_and_as_long(a440):
    for _ in range(2):
        a440.click(f"{MIXER} .key-up")
    assert a440.inner_text(f"{MIXER} .key output") == "+2"
    a440.wait_for_function(f"() => {FIND_MIXER}.playback.semitones === 2")
    samples = rendered(a440)
    assert len(samples) == pytest.approx(3.0 * RATE, abs=1)
    # The stretcher is true to 4 cents; nobody hears less than 5.
    assert 1200 * np.log2(frequency(samples) / 493.88) == pytest.approx(0, abs=4)


def test_unchanged_the_mix_is_the_song_to_the_sample(a440):
    samples = rendered(a440)
    np.testing.assert_allclose(samples, tone_of_440_hz()[0], atol=1e-5)


def test_the_position_follows_the_speed_and_all_lanes_keep_in_step(a440):
    set_speed(a440, 50)
    a440.click(f"{MIXER} .presets button:has-text('All stems')")
    both = "[mixer.playback.position(), mixer.playback.context.currentTime]"
    wait_for(a440, "mixer.playback.playing && mixer.playback.position() > 0.2")
    first = mixer(a440, both)
    wait_for(a440, f"mixer.playback.position() > {first[0] + 0.35}")
    last = mixer(a440, both)
    ratio = (last[0] - first[0]) / (last[1] - first[1])
    assert ratio == pytest.approx(0.5, abs=0.02)
    rates = mixer(
        a440,
        "[...mixer.playback.tracks.values()]"
        ".flatMap((track) => [...track.nodes].map((node) => node.playbackRate.value))",
    )
    assert len(rates) >= 4
    assert set(rates) == {0.5}


def test_keys_change_both_and_a_double_click_resets(a440):
    a440.focus(f"{MIXER} .play")
    a440.keyboard.press("[")
    a440.keyboard.press(",")
    assert a440.inner_text(f"{MIXER} .speed output") == "95 %"
    assert a440.inner_text(f"{MIXER} .key output") == "\u22121"
    a440.dblclick(f"{MIXER} .key output")
    assert a440.inner_text(f"{MIXER} .key output") == "0"
    with a440.expect_download() as waiting:
        a440.click(f"{MIXER} .save")
    assert waiting.value.suggested_filename == "a440 - mix (95 percent).wav"


def test_without_an_audio_worklet_the_control_says_why_it_is_off(context, app_url):
    page = context.new_page()
    page.add_init_script("delete window.AudioWorkletNode;")
    page.goto(app_url)
    page.wait_for_selector("#separate")
    tempo = page.locator(f"{MIXER} .tempo")
    assert "no AudioWorklet" in tempo.get_attribute("title")
    assert page.locator(f"{MIXER} .speed input").is_disabled()
    assert page.locator(f"{MIXER} .key-up").is_disabled()
