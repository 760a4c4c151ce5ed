/* Sample-synchronous playback of lanes: one AudioContext, one common start, one GainNode a lane. */

const START_DELAY_SECONDS = 0.04;
const RAMP_SECONDS = 0.015;

class Playback {
    constructor() {
        this.context = null;
        this.master = null;
        this.tracks = new Map();
        this.buffers = new Map();
        this.minus = null;
        this.duration = 0;
        this.loop = null;
        this.offset = 0;
        this.startedAt = 0;
        this.playing = false;
        this.masterVolume = 1;
    }

    /** Browsers allow sound only after a gesture: call this from an event handler. */
    open() {
        if (!this.context) {
            this.context = new AudioContext({ latencyHint: "interactive" });
            this.master = this.context.createGain();
            this.master.gain.value = this.masterVolume;
            this.masterMeter = this.meter(this.master);
            this.master.connect(this.context.destination);
            this.minusBus = this.context.createGain();
            this.minusBus.gain.value = 0;
            this.minusMeter = this.meter(this.minusBus);
            this.minusBus.connect(this.master);
        }
        if (this.context.state === "suspended") {
            return this.context.resume();
        }
        return Promise.resolve();
    }

    meter(node) {
        const analyser = this.context.createAnalyser();
        analyser.fftSize = 2048;
        node.connect(analyser);
        return analyser;
    }

    async decode(url) {
        if (!this.buffers.has(url)) {
            const loading = fetch(url)
                .then((answer) => {
                    if (!answer.ok) {
                        throw new Error("the audio is no longer on the server (" + answer.status + ")");
                    }
                    return answer.arrayBuffer();
                })
                .then((bytes) => this.context.decodeAudioData(bytes));
            loading.catch(() => this.buffers.delete(url));
            this.buffers.set(url, loading);
        }
        return this.buffers.get(url);
    }

    /** Load lanes ({name, url, gain, kind}); one that arrives while others play joins them in time. */
    async load(lanes) {
        await Promise.all(
            lanes.map(async (lane) => {
                const known = this.tracks.get(lane.name);
                if (known && known.url === lane.url) {
                    return;
                }
                const buffer = await this.decode(lane.url);
                this.discard(lane.name);
                const gain = this.context.createGain();
                const inverse = this.context.createGain();
                gain.gain.value = 0;
                inverse.gain.value = 0;
                gain.connect(this.master);
                inverse.connect(this.minusBus);
                const track = { url: lane.url, scale: lane.gain, buffer, gain, inverse, source: null };
                track.analyser = this.meter(gain);
                this.tracks.set(lane.name, track);
                if (this.playing) {
                    const at = this.context.currentTime + START_DELAY_SECONDS;
                    this.startTrack(track, at, this.position(at));
                }
            }),
        );
    }

    discard(name) {
        const track = this.tracks.get(name);
        if (track) {
            this.stopTrack(track);
            track.gain.disconnect();
            track.inverse.disconnect();
            this.tracks.delete(name);
        }
    }

    /** Forget everything but the named lanes, and their decoded sound. */
    keepOnly(urls) {
        for (const [name, track] of [...this.tracks]) {
            if (!urls.has(track.url)) {
                this.discard(name);
            }
        }
        for (const url of [...this.buffers.keys()]) {
            if (!urls.has(url)) {
                this.buffers.delete(url);
            }
        }
    }

    setGain(name, level) {
        const track = this.tracks.get(name);
        if (track) {
            track.gain.gain.setTargetAtTime(level * track.scale, this.context.currentTime, RAMP_SECONDS);
        }
    }

    /** The minus lane plays the original with the chosen stems' phase turned round: original - stems. */
    setMinus(originalName, chosen, level) {
        for (const [name, track] of this.tracks) {
            const sign = name === originalName ? 1 : chosen.has(name) ? -1 : 0;
            track.inverse.gain.setTargetAtTime(sign * track.scale, this.context.currentTime, RAMP_SECONDS);
        }
        this.minusBus.gain.setTargetAtTime(level, this.context.currentTime, RAMP_SECONDS);
    }

    setMasterVolume(level) {
        this.masterVolume = level;
        if (this.master) {
            this.master.gain.setTargetAtTime(level, this.context.currentTime, RAMP_SECONDS);
        }
    }

    startTrack(track, at, offset) {
        this.stopTrack(track);
        const source = this.context.createBufferSource();
        source.buffer = track.buffer;
        source.connect(track.gain);
        source.connect(track.inverse);
        if (this.loop) {
            source.loop = true;
            source.loopStart = this.loop.start;
            source.loopEnd = this.loop.end;
        }
        source.start(at, offset);
        track.source = source;
    }

    stopTrack(track) {
        if (track.source) {
            track.source.stop();
            track.source.disconnect();
            track.source = null;
        }
    }

    play(offset = this.offset) {
        this.offset = offset >= this.duration - 0.01 ? 0 : Math.max(0, offset);
        if (this.loop && (this.offset < this.loop.start || this.offset >= this.loop.end)) {
            this.offset = this.loop.start;
        }
        this.startedAt = this.context.currentTime + START_DELAY_SECONDS;
        for (const track of this.tracks.values()) {
            this.startTrack(track, this.startedAt, this.offset);
        }
        this.playing = true;
    }

    pause() {
        this.offset = this.position();
        this.playing = false;
        for (const track of this.tracks.values()) {
            this.stopTrack(track);
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
        const position = this.position();
        this.loop = loop;
        if (this.playing) {
            this.play(position);
        }
    }

    position(now = this.context ? this.context.currentTime : 0) {
        if (!this.playing) {
            return this.offset;
        }
        const position = this.offset + Math.max(0, now - this.startedAt);
        if (this.loop && position >= this.loop.end) {
            const length = this.loop.end - this.loop.start;
            return this.loop.start + ((position - this.loop.end) % length);
        }
        return Math.min(position, this.duration);
    }

    /** Root mean square of what leaves an analyser's node now. */
    level(analyser) {
        const samples = new Float32Array(analyser.fftSize);
        analyser.getFloatTimeDomainData(samples);
        let sum = 0;
        for (const sample of samples) {
            sum += sample * sample;
        }
        return Math.sqrt(sum / samples.length);
    }

    /** Render the whole song with the given gains ({name: level}) faster than real time. */
    async render(gains, minus) {
        const rate = this.context.sampleRate;
        const offline = new OfflineAudioContext(2, Math.ceil(this.duration * rate), rate);
        for (const [name, track] of this.tracks) {
            let level = gains[name] || 0;
            if (minus.level > 0) {
                const sign = name === minus.original ? 1 : minus.chosen.has(name) ? -1 : 0;
                level += sign * minus.level;
            }
            if (level !== 0) {
                const source = offline.createBufferSource();
                const gain = offline.createGain();
                source.buffer = track.buffer;
                gain.gain.value = level * track.scale * this.masterVolume;
                source.connect(gain).connect(offline.destination);
                source.start(0);
            }
        }
        return offline.startRendering();
    }

    close() {
        if (this.context) {
            this.pause();
            this.keepOnly(new Set());
            this.context.close();
            this.context = null;
        }
    }
}
