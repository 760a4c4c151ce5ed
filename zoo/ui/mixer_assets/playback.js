/* Sample-synchronous playback of lanes, whole ones and growing ones.

One AudioContext at the song's rate, so that nothing is resampled; one common start; one MixGraph.
Time is counted in frames of the context, so that a piece joins the one before it exactly. */

const START_DELAY_SECONDS = 0.04;
// After the playback has reached the end of what is there, it goes on when this much more is there.
const RESUME_SECONDS = 1;

class Playback {
    constructor() {
        this.context = null;
        this.tracks = new Map();
        this.mix = { lanes: {}, original: "", chosen: new Set() };
        this.duration = 0;
        this.growing = new Set();
        this.loop = null;
        this.offset = 0;
        this.startedAt = 0;
        this.playing = false;
        this.waiting = false;
        this.looping = false;
        this.masterVolume = 1;
        this.speed = 1; // seconds of the song per second
        this.semitones = 0;
        this.stretch = null; // the node behind the mix, once speed or key were changed
        this.modulesUrl = ""; // the folder of what runs beside the sound
        this.stretchLatency = 0; // in seconds
        this.countIn = null; // the clicks before the start, while they may sound
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
            this.graph = new MixGraph(this.context);
            this.graph.setVolume(this.masterVolume);
            this.masterMeter = this.meter(this.graph.master);
            this.minusMeter = this.meter(this.graph.minusBus);
            this.heard = this.context.createGain();
            this.heard.connect(this.context.destination);
            this.output = this.heard;
            this.graph.master.connect(this.output);
            shapeMix(this);
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
        this.applyMix();
        if (this.waiting) {
            this.resume();
        } else if (this.playing && parts.length) {
            const late = limit - this.frames(START_DELAY_SECONDS * this.speed);
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
        const output = this.graph.addLane(name, buffer.numberOfChannels);
        const track = new Track(this.context, buffer, { url, filled, output });
        track.analyser = this.meter(this.graph.lanes.get(name).direct.gain);
        this.tracks.set(name, track);
        return track;
    }

    /** Play what has come into a track, from frame `start` on, in step with the others. */
    join(track, start) {
        const now = Math.max(this.soon(), this.startedAt); // during a count-in the start is yet to come
        const first = Math.max(start, this.frames(this.offset));
        const due = Math.round(this.startedAt + (first - this.frames(this.offset)) / this.speed);
        if (!this.looping && due >= now) {
            track.start(due, first, track.filled, { speed: this.speed });
        } else if (!track.nodes.size) {
            const from = this.frames(this.position(now / this.context.sampleRate));
            track.start(now, from, track.filled, { speed: this.speed, loop: this.looping ? this.loop : null });
        }
    }

    discard(name) {
        const track = this.tracks.get(name);
        if (track) {
            track.stop();
            this.graph.removeLane(name);
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

    setMix(mix) {
        const position = this.position();
        this.mix = mix;
        this.applyMix();
        if (this.waiting) {
            this.resume();
        } else if (this.playing && this.frames(position) > this.limit()) {
            this.wait(); // for a lane that has not come so far
            this.offset = position;
        }
    }

    applyMix() {
        if (this.context) {
            this.graph.apply(this.mix);
        }
    }

    setMasterVolume(level) {
        this.masterVolume = level;
        if (this.context) {
            this.graph.setVolume(level);
        }
    }

    /** Play at another speed (1 is the song's own) or in another key, from where it is. */
    async setTempo({ speed, semitones }) {
        const position = this.position();
        const { playing } = this;
        const restarts = playing && speed !== this.speed;
        if (restarts) {
            this.pause();
        }
        Object.assign(this, { speed, semitones });
        await shapeMix(this);
        if (restarts && !this.playing) {
            this.play(position);
        }
    }

    isHeard(name) {
        return needsLane(this.mix, name);
    }

    /** The frame up to which every lane that a mix needs is there. */
    limit(mix = this.mix) {
        const end = this.context ? this.frames(this.duration) : 0;
        const names = new Set([...this.growing, ...this.tracks.keys()]);
        const reached = [...names]
            .filter((name) => needsLane(mix, name))
            .map((name) => (this.tracks.has(name) ? this.tracks.get(name).filled : 0));
        return Math.min(end, ...reached);
    }

    soon() {
        return Math.ceil((this.context.currentTime + START_DELAY_SECONDS) * this.context.sampleRate);
    }

    /** `countIn(seconds)` gives what sounds before the start at a place: {sound, seconds} or null. */
    play(offset = this.offset, countIn = () => null) {
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
        const lead = this.waiting ? null : countIn(this.offset);
        if (lead) {
            this.countIn = startCountIn(this, lead.sound, this.startedAt);
            this.startedAt += Math.round(this.frames(lead.seconds) / this.speed);
        }
        if (!this.waiting) {
            const how = { speed: this.speed, loop: this.looping ? this.loop : null };
            this.tracks.forEach((track) => track.start(this.startedAt, from, track.filled, how));
        }
    }

    pause() {
        this.offset = this.position();
        Object.assign(this, { playing: false, waiting: false, looping: false });
        this.tracks.forEach((track) => track.stop());
        if (this.countIn) {
            this.countIn.stop();
            this.countIn = null;
        }
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
        const position = this.offset + Math.max(0, now - this.startedAt / rate) * this.speed;
        if (!this.looping) {
            return Math.min(position, this.limit() / rate);
        }
        const { start, end } = this.loop;
        return position < end ? position : start + ((position - end) % (end - start));
    }

    /** Where the sound is that leaves the loudspeaker now. */
    heardPosition() {
        if (!this.context) {
            return this.offset;
        }
        const { currentTime, outputLatency } = this.context;
        const late = (outputLatency || 0) + (this.output === this.heard ? 0 : this.stretchLatency);
        return this.position(currentTime - late);
    }

    /** Root mean square of what leaves an analyser's node now. */
    level(analyser) {
        const samples = new Float32Array(analyser.fftSize);
        analyser.getFloatTimeDomainData(samples);
        const sum = samples.reduce((total, sample) => total + sample * sample, 0);
        return Math.sqrt(sum / samples.length);
    }

    /** Render the whole song as a mix says, faster than real time. */
    render(mix) {
        return renderMix(this, mix);
    }

    close() {
        if (this.context) {
            const { offset } = this;
            this.clear();
            this.context.close();
            this.context = null;
            this.stretch = null;
            this.offset = offset;
        }
    }
}
