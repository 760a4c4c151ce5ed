/* The stem mixer: joins the server's state (props.value), the lanes, the timeline and the playback. */

class StemMixer {
    constructor(element, trigger) {
        this.element = element.querySelector(".mixer");
        this.find = (selector) => this.element.querySelector(selector);
        this.trigger = trigger;
        this.playback = new Playback();
        this.lanes = new Map();
        this.chosen = new Set();
        this.state = null;
        this.isOpen = false; // whether the song was played: only then is its sound fetched
        this.timeline = new Timeline(this.element, {
            onSeek: (seconds) => this.seek(seconds),
            onLoop: (loop) => this.loopChanged(loop),
        });
        this.wire();
    }

    wire() {
        this.find(".play").addEventListener("click", () => this.toggle());
        this.find(".loop").addEventListener("click", () => this.toggleLoop());
        this.find(".zoom-in").addEventListener("click", () => this.zoom(2));
        this.find(".zoom-out").addEventListener("click", () => this.zoom(0.5));
        this.find(".save").addEventListener("click", () => this.save());
        this.find(".master input").addEventListener("input", (event) => {
            this.playback.setMasterVolume(Number(event.target.value) / 100);
        });
        this.element.addEventListener("keydown", (event) => handleKey(this, event));
        this.element.addEventListener("click", (event) => {
            const link = event.target.closest("a[download]");
            if (link) {
                event.preventDefault();
                downloadAs(link).catch((error) => this.say("Could not download: " + error.message));
            }
        });
        this.find(".lanes").addEventListener(
            "wheel",
            (event) => {
                if (event.ctrlKey) {
                    event.preventDefault();
                    const factor = event.deltaY < 0 ? 1.25 : 0.8;
                    this.timeline.zoomAround(factor, this.timeline.secondsAt(event, this.find(".ruler")));
                }
            },
            { passive: false },
        );
    }

    /** Bring the page in line with the server's state; lanes keep their switches by name. */
    sync(state) {
        const lanes = state && state.lanes ? state.lanes : [];
        const shown = lanes.length > 0 || Boolean(state && state.progress);
        this.find(".empty").hidden = shown;
        this.find(".body").hidden = !shown;
        if (!shown) {
            this.clear();
            this.state = null;
            return;
        }
        if (!this.state || this.state.id !== state.id) {
            this.clear();
            this.chosen = new Set(["vocals"]);
            if (this.element.getBoundingClientRect().top > 0.6 * window.innerHeight) {
                this.element.scrollIntoView({ behavior: "smooth", block: "start" });
            }
        }
        this.state = state;
        this.timeline.setDuration(state.seconds);
        this.playback.duration = state.seconds;
        this.playback.growing = new Set(lanes.filter((lane) => !lane.audio).map((lane) => lane.name));
        this.playback.keepOnly(new Set(lanes.map((lane) => lane.name)));
        this.syncLanes(withMinusLane(this, lanes));
        showFacts(this, state);
        showProgress(this, state.progress);
        showPresets(this);
        this.applyGains();
        if (this.isOpen) {
            this.loadAudible();
        }
    }

    clear() {
        this.playback.clear();
        this.isOpen = false;
        this.lanes.forEach((lane) => lane.element.remove());
        this.lanes.clear();
        this.timeline.duration = 0;
        this.showPlaying();
        this.say("");
    }

    get stems() {
        return this.state.lanes.filter((lane) => lane.kind === "stem" && hasSound(lane));
    }

    get original() {
        return this.state.lanes.find((lane) => lane.kind === "original" && lane.audio);
    }

    syncLanes(states) {
        const box = this.find(".lanes");
        const names = new Set(states.map((state) => state.name));
        for (const [name, lane] of [...this.lanes]) {
            if (!names.has(name)) {
                lane.element.remove();
                this.lanes.delete(name);
            }
        }
        for (const state of states) {
            const known = this.lanes.get(state.name);
            if (known) {
                known.update(state, this.state.seconds);
            } else {
                const lane = new Lane(this.find(".lane-template"), state, {
                    duration: this.state.seconds,
                    onChange: () => this.laneChanged(),
                    onSeek: (event, view) => this.seek(this.timeline.secondsAt(event, view)),
                });
                this.lanes.set(state.name, lane);
            }
            box.append(this.lanes.get(state.name).element);
            this.lanes.get(state.name).element.setAttribute("aria-label", state.title);
        }
        showChips(this);
    }

    minusChanged() {
        showChips(this);
        drawMinus(this);
        this.laneChanged();
    }

    only(wanted) {
        this.lanes.forEach((lane) => {
            Object.assign(lane, { muted: !wanted(lane), soloed: false });
            lane.show();
        });
    }

    /** Gains of all lanes, by name, with mute, solo and volume counted in. */
    gains() {
        const soloed = [...this.lanes.values()].some((lane) => lane.soloed);
        const gains = {};
        this.lanes.forEach((lane) => {
            const audible = soloed ? lane.soloed : !lane.muted;
            gains[lane.name] = audible ? lane.volume : 0;
        });
        return gains;
    }

    applyGains() {
        const gains = this.gains();
        this.lanes.forEach((lane) => lane.setAudible(gains[lane.name] > 0));
        const original = this.original ? this.original.name : "";
        this.playback.setLevels(gains, { original, chosen: this.chosen, level: gains.minus || 0 });
    }

    laneChanged() {
        this.applyGains();
        if (this.isOpen) {
            this.loadAudible();
        }
        const muted = [...this.lanes.values()].filter((lane) => lane.muted).map((lane) => lane.name);
        const soloed = [...this.lanes.values()].filter((lane) => lane.soloed).map((lane) => lane.name);
        this.trigger("mixchange", { muted, soloed });
    }

    /** How far the lanes that are heard have come, in seconds. */
    reach() {
        const ends = this.state.lanes
            .filter((lane) => !lane.audio && this.playback.isHeard(lane.name))
            .map((lane) => piecesEnd(lane));
        return Math.min(this.state.seconds, ...ends);
    }

    /** Decode what the present mix needs, the original only when a lane asks for it.

    Returns whether that went well. */
    async loadAudible() {
        const gains = this.gains();
        const minus = gains.minus > 0;
        const lanes = this.state.lanes
            .filter(hasSound)
            .filter((lane) => lane.kind === "stem" || gains[lane.name] > 0 || (minus && lane === this.original))
            .map((lane) => ({
                name: lane.name,
                url: lane.audio ? lane.audio.url : "",
                gain: lane.gain,
                pieces: (lane.pieces || []).map((piece) => ({ ...piece, url: piece.audio.url })),
            }));
        try {
            await this.playback.load(lanes);
            drawMinus(this);
            return true;
        } catch (error) {
            this.say("Could not load the sound: " + error.message);
            return false;
        }
    }

    open() {
        this.isOpen = true;
        return this.playback.open(this.state.sample_rate);
    }

    async start() {
        if (this.playback.playing || !this.state) {
            return;
        }
        this.find(".play").classList.add("loading");
        try {
            this.say("");
            await this.open();
            if (await this.loadAudible()) {
                this.applyGains();
                this.playback.play();
            }
        } finally {
            this.find(".play").classList.remove("loading");
        }
        this.showPlaying();
        this.tick();
    }

    toggle() {
        if (this.playback.playing) {
            this.playback.pause();
            this.showPlaying();
        } else {
            this.start();
        }
    }

    seek(seconds) {
        if (this.state) {
            this.playback.seek(Math.min(seconds, this.reach()));
            this.showPosition();
        }
    }

    toggleLoop() {
        if (this.timeline.loop) {
            this.timeline.setLoop(null);
        } else if (this.state) {
            const position = this.playback.position();
            const end = Math.min(position + 4, this.reach());
            this.timeline.setLoop({ start: Math.max(0, end - 4), end });
        }
    }

    loopChanged(loop) {
        this.find(".loop").setAttribute("aria-pressed", String(Boolean(loop)));
        this.playback.setLoop(loop);
    }

    zoom(factor) {
        this.timeline.zoomAround(factor, this.playback.position());
    }

    tick() {
        if (!this.element.isConnected) {
            this.playback.close();
            return;
        }
        this.showPosition();
        const minusLevel = this.playback.context ? this.playback.level(this.playback.minusMeter) : 0;
        this.lanes.forEach((lane) => {
            const track = this.playback.tracks.get(lane.name);
            const heard = track ? this.playback.level(track.analyser) : 0;
            lane.setLevel(lane.kind === "minus" ? minusLevel : heard);
        });
        this.playback.update();
        this.showWaiting();
        if (this.playback.playing) {
            requestAnimationFrame(() => this.tick());
        } else {
            this.showPlaying();
            this.lanes.forEach((lane) => lane.setLevel(0));
        }
    }

    showPosition() {
        const position = this.playback.position();
        this.timeline.setPosition(position);
        this.find(".clock").textContent = clockText(position, 1);
        if (this.playback.playing) {
            this.timeline.follow(position);
        }
    }

    showWaiting() {
        const { waiting } = this.playback;
        if (waiting !== this.element.classList.contains("waiting")) {
            this.element.classList.toggle("waiting", waiting);
            this.say(waiting ? "Waiting for the next seconds\u2026" : "");
        }
    }

    showPlaying() {
        const playing = this.playback.playing;
        const button = this.find(".play");
        button.classList.toggle("playing", playing);
        button.setAttribute("aria-label", playing ? "Pause" : "Play");
        this.showPosition();
    }

    say(text) {
        this.find(".message").textContent = text;
    }

    async save() {
        const button = this.find(".save");
        button.disabled = true;
        this.say("Writing the mix\u2026");
        try {
            await this.open();
            if (!(await this.loadAudible())) {
                return;
            }
            const gains = this.gains();
            const original = this.original ? this.original.name : "";
            const minus = { original, chosen: this.chosen, level: gains.minus || 0 };
            const { blob, gain } = writeWave(await this.playback.render(gains, minus));
            saveBlob(blob, this.state.title + " - mix.wav");
            const lowered = decibels(gain).toFixed(1) + " dB, so that it fits the file";
            this.say(gain < 1 ? "Saved, lowered by " + lowered + "." : "Saved at its true level.");
        } catch (error) {
            this.say("Could not save the mix: " + error.message);
        } finally {
            button.disabled = false;
        }
    }

    /** What sounds now, measured behind each lane's gain; for tests and the curious. */
    levels() {
        const levels = {};
        this.playback.tracks.forEach((track, name) => {
            levels[name] = this.playback.level(track.analyser);
        });
        if (this.playback.context) {
            levels.minus = this.playback.level(this.playback.minusMeter);
            levels.master = this.playback.level(this.playback.masterMeter);
        }
        return levels;
    }
}

const mixer = new StemMixer(element, trigger);
element.stemMixer = mixer;
mixer.sync(props.value);
watch("value", () => mixer.sync(props.value));
