/* Clicks on the beats: a track of its own beside the lanes', which keeps it in step to the sample at
any speed and in loops, and a bar of clicks before the playback. They go through the mix, so that they
are as late as the mix is where its pitch is turned. */

const CLICK_TRACK = "click";
const CLICK_RATE = 11025; // of the buffers in Hz: a whole song of clicks takes 18 MB for 7 minutes
const CLICK_SECONDS = 0.03;
const CLICK_HERTZ = 1000;
const BAR_CLICK_HERTZ = 1500;
const CLICK_LEVEL = 0.5;

/** A sound of `seconds` with a click on each of [{time, beginsBar}], times counted from `from`. */
function clickSound(context, beats, from, seconds) {
    const buffer = context.createBuffer(1, Math.max(1, Math.ceil(seconds * CLICK_RATE)), CLICK_RATE);
    const samples = buffer.getChannelData(0);
    const length = CLICK_SECONDS * CLICK_RATE;
    for (const { time, beginsBar } of beats) {
        const first = Math.round((time - from) * CLICK_RATE);
        const hertz = beginsBar ? BAR_CLICK_HERTZ : CLICK_HERTZ;
        for (let index = 0; index < length && first + index < samples.length; index += 1) {
            const fade = (1 - index / length) ** 2;
            samples[first + index] += fade * Math.sin((2 * Math.PI * hertz * index) / CLICK_RATE);
        }
    }
    return buffer;
}

/** Put the clicks of a grid beside the lanes; null takes them away. */
function placeClicks(playback, grid) {
    playback.discard(CLICK_TRACK);
    if (!playback.context || !grid || !playback.duration) {
        return;
    }
    const beats = grid.between(0, playback.duration);
    const sound = clickSound(playback.context, beats, 0, playback.duration);
    const track = playback.addTrack(CLICK_TRACK, sound, "", WHOLE);
    playback.applyMix();
    if (playback.playing && !playback.waiting) {
        playback.join(track, 0);
    }
}

/** A mix and the clicks, which are in no mix that is saved. */
function withClicks(mix) {
    return { ...mix, lanes: { ...mix.lanes, [CLICK_TRACK]: { level: CLICK_LEVEL, pan: 0 } } };
}

/** The bar of clicks that leads to a place in the song: {sound, seconds}, in seconds of the song. */
function countInSound(context, grid, place) {
    const start = grid.timeOf(grid.nearest(place, "beat") - BEATS_PER_BAR);
    const seconds = place - start;
    const beats = grid.between(start, place - grid.period / 8);
    return { sound: clickSound(context, beats, start, seconds), seconds };
}

/** Play a bar of clicks from frame `at` of the context's time on; returns what can be stopped. */
function startCountIn(playback, sound, at) {
    const source = playback.context.createBufferSource();
    const gain = playback.context.createGain();
    source.buffer = sound;
    source.playbackRate.value = playback.speed;
    gain.gain.value = CLICK_LEVEL;
    source.connect(gain).connect(playback.graph.master);
    source.start(at / playback.context.sampleRate);
    return source;
}
