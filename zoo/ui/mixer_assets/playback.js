/* Sample-synchronous playback of lanes, whole ones and growing ones.

One AudioContext at the song's rate, so that nothing is resampled; one common start; one GainNode per
lane. Time is counted in frames of the context, so that a piece joins the one before it exactly. */

const START_DELAY_SECONDS = 0.04;
const RAMP_SECONDS = 0.015;
// After the playback has reached the end of what is there, it goes on when this much more is there.
const RESUME_SECONDS = 1;

class Playback {
    constructor() {
        this.context = null;
        this.tracks = new Map();
        this.levels = {};
        this.minus = { original: "", chosen: new Set(), level: 0 };
        this.duration = 0;
        this.growing = new Set();
        this.loop = null;
        this.offset = 0;
        this.startedAt = 0;
        this.playing = false;
        this.waiting = false;
        this.looping = false;
        this.masterVolume = 1;
        this.loading = Promise.resolve();
    }

    /** Browsers allow sound only after a gesture: call this from an event handler. */
    open(sampleRate) {
        if (this.context && this.wantedRate !== sampleRate) {
            this.close();
        }
        if (!this.context) {
            this.wantedRate = sampleRate;
            this.context = makeContext(sampleRate);
            this.master = this.context.createGain();
            this.master.gain.value = this.masterVolume;
            this.masterMeter = this.meter(this.master);
            this.master.connect(this.context.destination);
            this.minusBus = this.context.createGain();
            this.minusBus.gain.value = 0;
            this.minusMeter = this.meter(this.minusBus);
            this.minusBus.connect(this.master);
        }
        return this.context.state === "suspended" ? this.context.resume() : Promise.resolve();
    }

    meter(node) {
        const analyser = this.context.createAnalyser();
        analyser.fftSize = 2048;
        node.connect(analyser);
        return analyser;
    }

    frames(seconds) {
        return Math.round(seconds * this.context.sampleRate);
    }

    /** Load lanes ({name, url, gain, pieces: [{start, seconds, url, gain}]}), one call after another.

    What arrives while others play joins them in time. */
    load(lanes) {
        const loaded = this.loading.then(() => this.loadNow(lanes));
        this.loading = loaded.catch(() => {});
        return loaded;
    }

    async loadNow(lanes) {
        const { context, tracks } = this;
        if (!context) {
            return;
        }
        const arrived = await Promise.all(lanes.map((lane) => fetchMissing(this, lane)));
        if (this.context !== context || this.tracks !== tracks) {
            return; // another song meanwhile
        }
        const end = this.frames(this.duration);
        const position = this.position();
        const limit = this.limit();
        const parts = arrived.flatMap((sounds, index) => placeSounds(this, lanes[index], sounds));
        this.applyLevels();
        if (this.waiting) {
            this.resume();
        } else if (this.playing && parts.length) {
            const late = limit - this.frames(START_DELAY_SECONDS);
            const isLate = limit < end && !this.looping && this.frames(position) >= late;
            const canLoop = this.loop && !this.looping && this.frames(this.loop.end) <= this.limit();
            if (isLate || canLoop) {
                this.play(position);
            } else {
                parts.forEach(({ track, start }) => this.join(track, start));
            }
        }
    }

    addTrack(name, buffer, url, filled) {
        const gain = this.context.createGain();
        const inverse = this.context.createGain();
        gain.gain.value = 0;
        inverse.gain.value = 0;
        gain.connect(this.master);
        inverse.connect(this.minusBus);
        const track = new Track(this.context, buffer, { url, filled, gain, inverse });
        track.analyser = this.meter(gain);
        this.tracks.set(name, track);
        return track;
    }

    /** Play what has come into a track, from frame `start` on, in step with the others. */
    join(track, start) {
        const now = this.soon();
        const due = this.startedAt + start - this.frames(this.offset);
        if (!this.looping && due >= now) {
            track.start(due, start, track.filled, null);
        } else if (!track.nodes.size) {
            const from = this.frames(this.position(now / this.context.sampleRate));
            track.start(now, from, track.filled, this.looping ? this.loop : null);
        }
    }

    discard(name) {
        const track = this.tracks.get(name);
        if (track) {
            track.disconnect();
            this.tracks.delete(name);
        }
    }

    /** Forget all lanes but those of these names. */
    keepOnly(names) {
        [...this.tracks.keys()].filter((name) => !names.has(name)).forEach((name) => this.discard(name));
    }

    /** Forget the song. */
    clear() {
        this.pause();
        this.keepOnly(new Set());
        this.tracks = new Map(); // what is still being loaded for the old song finds another map
        this.offset = 0;
    }

    /** Levels of the lanes by name; the minus lane plays original - stems by phases turned round. */
    setLevels(levels, minus) {
        const position = this.position();
        Object.assign(this, { levels, minus });
        this.applyLevels();
        if (this.waiting) {
            this.resume();
        } else if (this.playing && this.frames(position) > this.limit()) {
            this.wait(); // for a lane that has not come so far
            this.offset = position;
        }
    }

    applyLevels() {
        if (!this.context) {
            return;
        }
        const now = this.context.currentTime;
        const { original, chosen, level } = this.minus;
        for (const [name, track] of this.tracks) {
            const sign = name === original ? 1 : chosen.has(name) ? -1 : 0;
            track.gain.gain.setTargetAtTime(this.levels[name] || 0, now, RAMP_SECONDS);
            track.inverse.gain.setTargetAtTime(sign, now, RAMP_SECONDS);
        }
        this.minusBus.gain.setTargetAtTime(level, now, RAMP_SECONDS);
    }

    setMasterVolume(level) {
        this.masterVolume = level;
        if (this.context) {
            this.master.gain.setTargetAtTime(level, this.context.currentTime, RAMP_SECONDS);
        }
    }

    isHeard(name) {
        return this.levels[name] > 0 || (this.minus.level > 0 && this.minus.chosen.has(name));
    }

    /** The frame up to which every lane that is heard is there. */
    limit() {
        const end = this.context ? this.frames(this.duration) : 0;
        const names = new Set([...this.growing, ...this.tracks.keys()]);
        const reached = [...names]
            .filter((name) => this.isHeard(name))
            .map((name) => (this.tracks.has(name) ? this.tracks.get(name).filled : 0));
        return Math.min(end, ...reached);
    }

    soon() {
        return Math.ceil((this.context.currentTime + START_DELAY_SECONDS) * this.context.sampleRate);
    }

    play(offset = this.offset) {
        const end = this.frames(this.duration);
        let from = this.frames(Math.max(0, offset));
        if (from >= end - this.frames(0.01)) {
            from = 0;
        }
        if (this.loop && !(from >= this.frames(this.loop.start) && from < this.frames(this.loop.end))) {
            from = this.frames(this.loop.start);
        }
        this.pause();
        const limit = this.limit();
        this.offset = from / this.context.sampleRate;
        this.playing = true;
        this.waiting = from >= limit;
        this.looping = Boolean(this.loop) && this.frames(this.loop.end) <= limit;
        this.startedAt = this.soon();
        if (!this.waiting) {
            const loop = this.looping ? this.loop : null;
            this.tracks.forEach((track) => track.start(this.startedAt, from, track.filled, loop));
        }
    }

    pause() {
        this.offset = this.position();
        Object.assign(this, { playing: false, waiting: false, looping: false });
        this.tracks.forEach((track) => track.stop());
    }

    /** Stay where it is until there is more. */
    wait() {
        this.pause();
        Object.assign(this, { playing: true, waiting: true });
    }

    /** Stop at the end, and begin from the start next time. */
    finish() {
        this.pause();
        this.offset = 0;
    }

    /** Call now and then while playing. */
    update() {
        if (this.playing && !this.waiting) {
            const frame = this.frames(this.position());
            if (frame >= this.frames(this.duration)) {
                this.finish();
            } else if (frame >= this.limit()) {
                this.wait();
            }
        }
    }

    /** Go on after waiting, where enough is there. */
    resume() {
        const limit = this.limit();
        const end = this.frames(this.duration);
        const frame = this.frames(this.offset);
        if (frame >= end) {
            this.finish();
        } else if (limit === end || limit - frame >= this.frames(RESUME_SECONDS)) {
            this.play();
        }
    }

    seek(seconds) {
        const target = Math.min(Math.max(seconds, 0), this.duration);
        if (this.playing) {
            this.play(target);
        } else {
            this.offset = target;
        }
    }

    setLoop(loop) {
        const { playing } = this;
        this.pause();
        this.loop = loop;
        if (playing) {
            this.play();
        }
    }

    /** Where the playback is, in seconds of the song, at a time of the context. */
    position(now = this.context ? this.context.currentTime : 0) {
        if (!this.playing || this.waiting) {
            return this.offset;
        }
        const rate = this.context.sampleRate;
        const position = this.offset + Math.max(0, now - this.startedAt / rate);
        if (!this.looping) {
            return Math.min(position, this.limit() / rate);
        }
        const { start, end } = this.loop;
        return position < end ? position : start + ((position - end) % (end - start));
    }

    /** Root mean square of what leaves an analyser's node now. */
    level(analyser) {
        const samples = new Float32Array(analyser.fftSize);
        analyser.getFloatTimeDomainData(samples);
        const sum = samples.reduce((total, sample) => total + sample * sample, 0);
        return Math.sqrt(sum / samples.length);
    }

    /** Render the whole song with the given levels ({name: level}) faster than real time. */
    async render(levels, minus) {
        const rate = this.context.sampleRate;
        const offline = new OfflineAudioContext(2, this.frames(this.duration), rate);
        for (const [name, track] of this.tracks) {
            let level = levels[name] || 0;
            if (minus.level > 0) {
                const sign = name === minus.original ? 1 : minus.chosen.has(name) ? -1 : 0;
                level += sign * minus.level;
            }
            if (level !== 0) {
                const source = offline.createBufferSource();
                const gain = offline.createGain();
                source.buffer = track.buffer;
                gain.gain.value = level * this.masterVolume;
                source.connect(gain).connect(offline.destination);
                source.start(0);
            }
        }
        return offline.startRendering();
    }

    close() {
        if (this.context) {
            const { offset } = this;
            this.clear();
            this.context.close();
            this.context = null;
            this.offset = offset;
        }
    }
}
