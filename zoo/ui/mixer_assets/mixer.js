/* The stem mixer: joins the server's state (props.value), the lanes, the timeline and the playback. */

const PRESET_TITLES = { vocals: "Karaoke", drums: "Drumless", bass: "Bassless" };
const SEEK_SECONDS = 5;
const OUTLINE_POINTS = 600;

class StemMixer {
    constructor(element, trigger) {
        this.element = element.querySelector(".mixer");
        this.find = (selector) => this.element.querySelector(selector);
        this.trigger = trigger;
        this.playback = new Playback();
        this.lanes = new Map();
        this.chosen = new Set();
        this.state = null;
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
        this.element.addEventListener("keydown", (event) => this.key(event));
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
        }
        this.state = state;
        this.timeline.setDuration(state.seconds);
        this.playback.duration = state.seconds;
        this.syncLanes(this.withMinusLane(lanes));
        this.showFacts(state);
        this.showProgress(state.progress);
        this.showPresets();
        const urls = new Set(lanes.filter((lane) => lane.audio).map((lane) => lane.audio.url));
        this.playback.keepOnly(urls);
        if (this.playback.context && this.playback.playing) {
            this.loadAudible().then(() => this.applyGains());
        }
        this.applyGains();
    }

    clear() {
        if (this.playback.playing) {
            this.playback.pause();
        }
        this.playback.keepOnly(new Set());
        this.playback.offset = 0;
        this.lanes.forEach((lane) => lane.element.remove());
        this.lanes.clear();
        this.timeline.duration = 0;
        this.showPlaying();
        this.say("");
    }

    get stems() {
        return this.state.lanes.filter((lane) => lane.kind === "stem" && lane.audio);
    }

    get original() {
        return this.state.lanes.find((lane) => lane.kind === "original" && lane.audio);
    }

    withMinusLane(lanes) {
        if (!this.original || !this.stems.length || lanes.some((lane) => lane.kind === "rest")) {
            return lanes;
        }
        const minus = { name: "minus", kind: "minus", source: "", title: "All but\u2026", on: false };
        return [...lanes, { ...minus, outline: this.minusOutline || [] }];
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
                known.update(state);
            } else {
                const lane = new Lane(this.find(".lane-template"), state, {
                    onChange: () => this.laneChanged(),
                    onSeek: (event, view) => this.seek(this.timeline.secondsAt(event, view)),
                });
                this.lanes.set(state.name, lane);
            }
            box.append(this.lanes.get(state.name).element);
            this.lanes.get(state.name).element.setAttribute("aria-label", state.title);
        }
        this.showChips();
    }

    showChips() {
        const minus = this.lanes.get("minus");
        if (!minus) {
            return;
        }
        const chips = this.stems.map((stem) => {
            const chip = document.createElement("button");
            chip.type = "button";
            chip.textContent = "\u2212 " + stem.title;
            chip.dataset.source = stem.source;
            chip.setAttribute("aria-pressed", String(this.chosen.has(stem.name)));
            chip.addEventListener("click", (event) => {
                event.stopPropagation();
                if (!this.chosen.delete(stem.name)) {
                    this.chosen.add(stem.name);
                }
                this.minusChanged();
            });
            return chip;
        });
        minus.find(".chips").replaceChildren(...chips);
    }

    minusChanged() {
        this.showChips();
        this.drawMinus();
        this.laneChanged();
    }

    showPresets() {
        const box = this.find(".presets");
        const presets = [];
        const add = (title, hint, apply) => {
            const button = document.createElement("button");
            button.type = "button";
            button.textContent = title;
            button.title = hint;
            button.addEventListener("click", () => {
                apply();
                this.laneChanged();
                this.start();
            });
            presets.push(button);
        };
        if (this.stems.length) {
            add("All stems", "Everything that was separated", () => this.only((lane) => lane.kind === "stem"));
        }
        if (this.original) {
            add("Original", "The song as it came", () => this.only((lane) => lane.kind === "original"));
        }
        for (const lane of this.state.lanes.filter((lane) => ["blend", "exact"].includes(lane.kind))) {
            add(lane.title, "Only " + lane.title, () => this.only((other) => other.name === lane.name));
        }
        if (this.lanes.has("minus")) {
            for (const stem of this.stems) {
                const title = PRESET_TITLES[stem.source] || "No " + stem.title.toLowerCase();
                add(title, "Everything but " + stem.title.toLowerCase(), () => {
                    this.chosen = new Set([stem.name]);
                    this.minusChanged();
                    this.only((lane) => lane.kind === "minus");
                });
            }
        }
        for (const rest of this.state.lanes.filter((lane) => lane.kind === "rest" && lane.audio)) {
            const title = PRESET_TITLES[rest.source] || rest.title;
            add(title, rest.title, () => this.only((lane) => lane.name === rest.name));
        }
        const key = presets.map((button) => button.textContent).join();
        if (box.dataset.key !== key) {
            box.dataset.key = key;
            box.replaceChildren(...presets);
        }
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
        if (this.playback.context) {
            Object.entries(gains).forEach(([name, level]) => this.playback.setGain(name, level));
            const original = this.original ? this.original.name : "";
            this.playback.setMinus(original, this.chosen, gains.minus || 0);
        }
    }

    laneChanged() {
        this.applyGains();
        if (this.playback.playing) {
            this.loadAudible().then(() => this.applyGains());
        }
        const muted = [...this.lanes.values()].filter((lane) => lane.muted).map((lane) => lane.name);
        const soloed = [...this.lanes.values()].filter((lane) => lane.soloed).map((lane) => lane.name);
        this.trigger("mixchange", { muted, soloed });
    }

    /** Decode what is needed to hear the present mix; the original only when a lane asks for it. */
    async loadAudible() {
        const gains = this.gains();
        const minus = gains.minus > 0;
        const lanes = this.state.lanes
            .filter((lane) => lane.audio)
            .filter((lane) => lane.kind === "stem" || gains[lane.name] > 0 || (minus && lane === this.original))
            .map((lane) => ({ name: lane.name, url: lane.audio.url, gain: lane.gain, kind: lane.kind }));
        try {
            await this.playback.load(lanes);
            this.drawMinus();
        } catch (error) {
            this.say("Could not load the sound: " + error.message);
            throw error;
        }
    }

    drawMinus() {
        const minus = this.lanes.get("minus");
        const track = this.original && this.playback.tracks.get(this.original.name);
        if (!minus || !track) {
            return;
        }
        const stems = [...this.chosen].map((name) => this.playback.tracks.get(name)).filter(Boolean);
        const read = (known) => known.buffer.getChannelData(0);
        const original = read(track);
        const step = Math.max(1, Math.floor(original.length / OUTLINE_POINTS));
        const hop = Math.max(1, Math.floor(step / 64));
        const peaks = [];
        for (let from = 0; from + step <= original.length; from += step) {
            let peak = 0;
            for (let index = from; index < from + step; index += hop) {
                let sample = original[index] * track.scale;
                for (const stem of stems) {
                    sample -= (read(stem)[index] || 0) * stem.scale;
                }
                peak = Math.max(peak, Math.abs(sample));
            }
            peaks.push(Number(peak.toFixed(4)));
        }
        this.minusOutline = peaks;
        minus.drawOutline(peaks);
    }

    async start() {
        if (this.playback.playing || !this.state) {
            return;
        }
        this.find(".play").classList.add("loading");
        try {
            await this.playback.open();
            await this.loadAudible();
            this.applyGains();
            this.playback.play();
            this.say("");
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
        this.playback.seek(seconds);
        this.showPosition();
    }

    toggleLoop() {
        if (this.timeline.loop) {
            this.timeline.setLoop(null);
        } else if (this.state) {
            const position = this.playback.position();
            const end = Math.min(position + 4, this.state.seconds);
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

    key(event) {
        const typing = event.target.matches("input, select, textarea");
        const onButton = event.target.matches("button, a, summary");
        const digit = /^Digit([1-9])$/.exec(event.code);
        const step = event.shiftKey ? 1 : SEEK_SECONDS;
        const actions = {
            ArrowLeft: () => this.seek(this.playback.position() - step),
            ArrowRight: () => this.seek(this.playback.position() + step),
            Home: () => this.seek(0),
            End: () => this.seek(this.state.seconds),
            Escape: () => this.timeline.setLoop(null),
            "+": () => this.zoom(2),
            "-": () => this.zoom(0.5),
            l: () => this.toggleLoop(),
        };
        if (typing || !this.state || event.ctrlKey || event.metaKey || event.altKey) {
            return;
        }
        if (event.key === " " && !onButton) {
            this.toggle();
        } else if (digit) {
            const lane = [...this.lanes.values()][Number(digit[1]) - 1];
            if (!lane) {
                return;
            }
            lane.set(event.shiftKey ? { soloed: !lane.soloed } : { muted: !lane.muted });
        } else if (actions[event.key]) {
            actions[event.key]();
        } else {
            return;
        }
        event.preventDefault();
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
        if (this.playback.playing) {
            if (this.playback.position() >= this.playback.duration) {
                this.playback.pause();
                this.playback.offset = 0;
                this.showPlaying();
            }
            requestAnimationFrame(() => this.tick());
        } else {
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

    showPlaying() {
        const playing = this.playback.playing;
        const button = this.find(".play");
        button.classList.toggle("playing", playing);
        button.setAttribute("aria-label", playing ? "Pause" : "Play");
        this.showPosition();
    }

    showFacts(state) {
        this.find(".song").textContent = state.title;
        this.find(".summary").textContent = state.summary;
        this.find(".length").textContent = "/ " + clockText(state.seconds, 1);
        this.find(".facts").textContent = state.facts;
        const archive = this.find(".archive");
        archive.hidden = !state.archive;
        if (state.archive) {
            archive.href = state.archive.url;
            archive.download = state.archive.orig_name || "stems.zip";
        }
        const playable = state.lanes.some((lane) => lane.audio);
        this.find(".play").disabled = !playable;
        this.find(".save").disabled = !playable;
    }

    showProgress(progress) {
        const box = this.find(".progress");
        box.hidden = !progress;
        if (progress) {
            const percent = Math.round(100 * progress.fraction);
            box.querySelector(".bar").setAttribute("aria-valuenow", String(percent));
            box.querySelector(".bar i").style.width = percent + "%";
            box.querySelector(".stage").textContent = progress.stage;
            const left = progress.seconds_left;
            const known = left !== null && left !== undefined;
            box.querySelector(".left").textContent = known ? "about " + Math.ceil(left) + " s left" : "";
        }
    }

    say(text) {
        this.find(".message").textContent = text;
    }

    async save() {
        const button = this.find(".save");
        button.disabled = true;
        this.say("Writing the mix\u2026");
        try {
            await this.playback.open();
            await this.loadAudible();
            const gains = this.gains();
            const original = this.original ? this.original.name : "";
            const minus = { original, chosen: this.chosen, level: gains.minus || 0 };
            const { blob, gain } = writeWave(await this.playback.render(gains, minus));
            const link = document.createElement("a");
            link.href = URL.createObjectURL(blob);
            link.download = this.state.title + " - mix.wav";
            link.click();
            setTimeout(() => URL.revokeObjectURL(link.href), 60000);
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
