/* The stem mixer: joins the host's state (props.value), the lanes, the timeline and the playback. */

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
            snapLoop: (loop) => this.beats.snapLoop(loop),
        });
        this.tempo = new TempoControls(this.element, (tempo) => this.setTempo(tempo));
        this.loudness = new LoudnessReadout(this.element);
        this.comparison = new Comparison(this);
        this.order = new LaneOrder(this.find(".lanes"), {
            onMove: (names) => this.orderLanes(names),
            onMoved: (name, place, count) =>
                this.say(wording("mixer.lane_moved", { title: this.lanes.get(name).title, place, count })),
        });
        this.beats = new BeatControls(this);
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
            if (link && !link.matches(".archive")) {
                event.preventDefault();
                downloadAs(link).catch((error) => this.say(wording("mixer.no_download", { reason: error.message })));
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

    /** Bring the page in line with the host's state; lanes keep their switches by name. */
    sync(state) {
        const lanes = state && state.lanes ? withTitles(state.lanes) : [];
        const shown = lanes.length > 0 || Boolean(state && state.progress);
        this.find(".empty").hidden = shown;
        this.find(".body").hidden = !shown;
        this.element.dataset.result = shown ? state.id : "";
        if (!shown) {
            this.clear();
            this.state = null;
            return;
        }
        if (!this.state || this.state.id !== state.id) {
            this.clear();
            this.chosen = firstTaken(lanes);
            if (state.id && state.id === new URLSearchParams(location.search).get("result")) {
                this.tempo.set(TempoControls.linked(location.search));
            }
            // When the lanes are laid out: before, the page is too short to scroll so far.
            requestAnimationFrame(() => this.bringIntoView());
        }
        this.state = { ...state, lanes };
        this.timeline.setDuration(state.seconds);
        this.playback.duration = state.seconds;
        this.playback.modulesUrl = modulesAddress(state);
        this.playback.growing = new Set(lanes.filter((lane) => !lane.audio).map((lane) => lane.name));
        this.playback.keepOnly(new Set([CLICK_TRACK, ...lanes.map((lane) => lane.name)]));
        this.syncLanes(withMinusLane(this, lanes));
        this.timeline.drawBeats(this.beats.grid);
        this.beats.sync(state);
        showFacts(this, this.state);
        showProgress(this, state.progress);
        showPresets(this);
        this.comparison.show();
        this.applyGains();
        this.showPosition();
        if (this.isOpen) {
            this.loadAudible();
        }
    }

    bringIntoView() {
        if (this.element.getBoundingClientRect().top > 0.6 * window.innerHeight) {
            const isCalm = matchMedia("(prefers-reduced-motion: reduce)").matches;
            this.element.scrollIntoView({ behavior: isCalm ? "auto" : "smooth", block: "start" });
        }
    }

    clear() {
        this.playback.clear();
        this.isOpen = false;
        this.lanes.forEach((lane) => lane.element.remove());
        this.lanes.clear();
        this.comparison.clear();
        this.timeline.duration = 0;
        this.beats.forget();
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
                    onSkip: (from, direction) => skipSilence(this, from, direction),
                });
                this.lanes.set(state.name, lane);
            }
        }
        this.orderLanes(this.order.sorted(states).map((state) => state.name));
        this.order.show([...this.lanes.values()].map((lane) => lane.element));
        showChips(this);
    }

    orderLanes(names) {
        this.lanes = new Map(names.map((name) => [name, this.lanes.get(name)]));
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
            const audible = soloed ? lane.soloed || (lane.safe && !lane.muted) : !lane.muted;
            gains[lane.name] = audible ? lane.volume : 0;
        });
        return gains;
    }

    applyGains() {
        const heard = this.comparison.choose(this.mix());
        this.lanes.forEach((lane) => lane.setAudible(partOf(heard, lane.name).level > 0));
        this.playback.setMix(withClicks(heard));
    }

    /** What the lanes' switches give, as a MixGraph takes it. */
    mix() {
        const lanes = {};
        for (const [name, level] of Object.entries(this.gains())) {
            lanes[name] = { level, pan: this.lanes.get(name).pan };
        }
        const original = this.original ? this.original.name : "";
        return { lanes, original, chosen: new Set(this.chosen) };
    }

    laneChanged() {
        this.comparison.hearMix();
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

    /** Decode the stems and what else a mix needs; the present one if none is given.

    Returns whether that went well. */
    async loadAudible(mix = this.comparison.choose(this.mix())) {
        const lanes = this.state.lanes
            .filter(hasSound)
            .filter((lane) => lane.kind === "stem" || needsLane(mix, lane.name))
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
            this.say(wording("mixer.no_sound", { reason: error.message }));
            return false;
        }
    }

    async open() {
        this.isOpen = true;
        await this.playback.open(this.state.sample_rate);
        this.loudness.listen(this.playback);
        if (!this.playback.tracks.has(CLICK_TRACK)) {
            this.beats.placeClicks();
        }
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
                this.loudness.reset();
                this.playback.play(undefined, (place) => this.beats.countIn(place));
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

    async setTempo(tempo) {
        this.beats.show();
        this.element.dataset.tempo = this.tempo.query; // for links to what is heard
        try {
            await this.playback.setTempo(tempo);
        } catch (error) {
            this.say(wording("mixer.no_change", { reason: error.message }));
        }
    }

    toggleLoop() {
        if (this.timeline.loop) {
            this.timeline.setLoop(null);
        } else if (this.state) {
            const position = this.playback.position();
            const end = Math.min(position + 4, this.reach());
            this.timeline.setLoop(this.beats.snapLoop({ start: Math.max(0, end - 4), end }));
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
        const clock = clockText(position, 1);
        if (this.find(".clock").textContent !== clock) {
            this.find(".clock").textContent = clock;
        }
        if (this.playback.playing) {
            this.timeline.follow(position);
        }
    }

    showWaiting() {
        const { waiting } = this.playback;
        if (waiting !== this.element.classList.contains("waiting")) {
            this.element.classList.toggle("waiting", waiting);
            this.say(waiting ? wording("mixer.waiting") : "");
        }
    }

    showPlaying() {
        const playing = this.playback.playing;
        const button = this.find(".play");
        button.classList.toggle("playing", playing);
        button.setAttribute("aria-label", wording(playing ? "mixer.pause" : "mixer.play"));
        this.showPosition();
    }

    say(text) {
        this.find(".message").textContent = text;
    }

    async save() {
        const button = this.find(".save");
        button.disabled = true;
        this.say(wording("mixer.writing"));
        try {
            await this.open();
            if (!(await this.loadAudible())) {
                return;
            }
            const { blob, gain } = writeWave(await this.playback.render(this.mix()));
            saveBlob(blob, this.state.title + " - mix" + this.tempo.label + ".wav");
            const lowered = { decibels: toTenths(-decibels(gain)) };
            this.say(gain < 1 ? wording("mixer.saved_lowered", lowered) : wording("mixer.saved"));
        } catch (error) {
            this.say(wording("mixer.no_mix", { reason: error.message }));
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

/** The folder of worklets: beside gradio's files, or beside a page without a server. */
function modulesAddress(state) {
    return serverAddress(state, "gradio_api/mixer/") || new URL("mixer/", document.baseURI).toString();
}

/** Lanes as the host tells of them, named in the visitor's language. */
function withTitles(lanes) {
    return lanes.map((lane) => ({ ...lane, title: laneTitle(lane, lanes) }));
}

translate(element);
const mixer = new StemMixer(element, trigger);
element.stemMixer = mixer;
mixer.sync(props.value);
watch("value", () => mixer.sync(props.value));
