/* The song's tempo, key and beats: what was found, what the visitor corrects, and what snaps to it. */

const SURENESS = { sure: "beats.sure", "fairly sure": "beats.fairly_sure", "a guess": "beats.guess" };
const MODES = { major: "beats.major", minor: "beats.minor" };
const TONICS = { major: "beats.major_tonics", minor: "beats.minor_tonics" };
const SNAPS = ["off", "beat", "bar"];
// After such a rest the next tap begins anew, and after a jump in the song too.
const TAP_REST_SECONDS = 3;
const TAP_JUMP_SECONDS = 0.3;

class BeatControls {
    constructor(mixer) {
        this.mixer = mixer;
        this.find = (selector) => mixer.find(".beats " + selector);
        this.snap = "off";
        this.hasClick = false;
        this.hasCountIn = false;
        this.forget();
        for (const [name, act] of [
            [".tap", () => this.tap()],
            [".half", () => this.correct(this.grid.halved())],
            [".double", () => this.correct(this.grid.doubled())],
            [".shift", () => this.correct(this.grid.shifted())],
            [".found", () => this.takeFound()],
            [".count-in", () => this.toggleCountIn()],
            [".click", () => this.toggleClick()],
        ]) {
            this.find(name).addEventListener("click", act);
        }
        this.find(".snap").addEventListener("change", (event) => this.setSnap(event.target.value));
    }

    /** Another song: nothing is known of it. */
    forget() {
        Object.assign(this, { analysis: null, grid: null, origin: "", taps: [], fetched: "", note: "" });
    }

    /** Take in a state of the host: its analysis is fetched once it can be. */
    sync(state) {
        const version = [state.id, state.seconds, Boolean(state.progress)].join();
        if (version === this.fetched) {
            return;
        }
        this.fetched = version;
        if (!state.analysis) {
            this.note = wording("beats.never");
        } else if (state.progress) {
            this.note = wording("beats.separating");
        } else {
            this.note = wording("beats.looking");
            this.fetch(state, version);
        }
        this.show();
    }

    async fetch(state, version) {
        let analysis = null;
        let problem = "";
        try {
            const answer = await fetch(serverAddress(state, state.analysis));
            if (answer.ok) {
                analysis = await answer.json();
            } else {
                problem = String(answer.status);
            }
        } catch (error) {
            problem = error.message;
        }
        if (this.fetched !== version) {
            return; // another song meanwhile
        }
        this.analysis = analysis;
        const beats = analysis && analysis.beats;
        if (this.grid) {
            this.show(); // the visitor was faster
        } else if (beats) {
            this.takeFound();
        } else {
            this.note = problem ? wording("beats.failed", { reason: problem }) : wording("beats.none");
            this.show();
        }
    }

    /** Take the beats that were found. */
    takeFound() {
        const { times, first_downbeat: downbeat, bpm, knows_bars: knowsBars } = this.analysis.beats;
        this.note = knowsBars ? "" : wording("beats.guessed_bars");
        this.taps = [];
        this.setGrid(new BeatGrid({ times, downbeat, bpm }), "");
    }

    correct(grid) {
        this.note = "";
        this.setGrid(grid, this.origin || wording("beats.corrected"));
    }

    /** Take other beats; `origin` says where they come from, and nothing of those that were found. */
    setGrid(grid, origin) {
        Object.assign(this, { grid, origin });
        this.mixer.timeline.drawBeats(grid);
        this.placeClicks();
        this.snapPresentLoop();
        this.show();
    }

    /** A tap on a beat: where the song is heard now, or while it rests by the clock. */
    tap() {
        const { playback } = this.mixer;
        const now = performance.now() / 1000;
        const last = this.taps[this.taps.length - 1];
        const heard = playback.heardPosition();
        const going = last ? last.place + (now - last.now) * playback.speed : heard;
        const hasJumped = playback.playing && Math.abs(heard - going) > TAP_JUMP_SECONDS;
        if (!last || hasJumped || now - last.now > TAP_REST_SECONDS) {
            this.taps = [{ now, place: heard }];
        } else {
            this.taps.push({ now, place: playback.playing ? heard : going });
        }
        const grid = gridOfTaps(this.taps.map((tap) => tap.place));
        if (grid) {
            this.note = "";
            this.setGrid(grid, wording("beats.tapped"));
        }
    }

    setSnap(unit) {
        this.snap = unit;
        this.find(".snap").value = unit;
        this.mixer.say(wording("beats.snapped", { unit: wording("beats.snap_" + unit) }));
        this.snapPresentLoop();
    }

    nextSnap() {
        if (this.grid) {
            this.setSnap(SNAPS[(SNAPS.indexOf(this.snap) + 1) % SNAPS.length]);
        }
    }

    snapLoop(loop) {
        const snaps = this.grid && this.snap !== "off";
        return snaps ? this.grid.snapLoop(loop, this.snap, this.mixer.timeline.duration) : loop;
    }

    snapPresentLoop() {
        const { loop } = this.mixer.timeline;
        const snapped = loop && this.snapLoop(loop);
        if (loop && (snapped.start !== loop.start || snapped.end !== loop.end)) {
            this.mixer.timeline.setLoop(snapped);
        }
    }

    toggleClick() {
        if (this.grid) {
            this.hasClick = !this.hasClick;
            this.placeClicks();
            this.show();
        }
    }

    toggleCountIn() {
        if (this.grid) {
            this.hasCountIn = !this.hasCountIn;
            this.show();
        }
    }

    placeClicks() {
        placeClicks(this.mixer.playback, this.hasClick ? this.grid : null);
    }

    /** What is heard before the playback begins at a place of the song; null for nothing. */
    countIn(place) {
        return this.hasCountIn && this.grid ? countInSound(this.mixer.playback.context, this.grid, place) : null;
    }

    /** Show all of it, at the present speed and in the present key. */
    show() {
        const { speed, semitones } = this.mixer.tempo;
        const { grid, analysis } = this;
        // Whole ones: a frame of the analysis is 0.1 %.
        const bpm = grid ? wording("beats.bpm", { bpm: Math.round(grid.bpm * speed) }) : wording("beats.no_bpm");
        const beats = analysis && analysis.beats;
        const sureness = this.origin || (grid && beats ? wording(SURENESS[beats.sureness]) : "");
        this.showFact(".bpm", bpm, sureness, (tempo) => wording("beats.tempo_said", { tempo }));
        const key = analysis && analysis.key;
        const name = key ? keyName(key, semitones) : analysis ? wording("beats.no_key") : "";
        const keySureness = key ? wording(SURENESS[key.sureness]) : "";
        this.showFact(".song-key", name, keySureness, (said) => wording("beats.key_said", { key: said }));
        this.find(".song-key").hidden = !name;
        this.mixer.element.querySelectorAll(".beats [data-hint]").forEach((control) => {
            control.disabled = !grid;
            control.title = wording(grid ? control.dataset.hint : "beats.needs_beats");
        });
        this.find(".half").disabled = !grid || grid.bpm / 2 < SLOWEST_BPM;
        this.find(".double").disabled = !grid || grid.bpm * 2 > FASTEST_BPM;
        this.find(".found").hidden = !this.origin || !beats;
        this.find(".click").setAttribute("aria-pressed", String(this.hasClick && Boolean(grid)));
        this.find(".count-in").setAttribute("aria-pressed", String(this.hasCountIn && Boolean(grid)));
        this.find(".note").textContent = this.note;
    }

    /** `name` makes a sentence of what is shown, for screen readers. */
    showFact(selector, fact, sureness, name) {
        const box = this.find(selector);
        box.querySelector("b").textContent = fact;
        box.querySelector("i").textContent = sureness;
        box.setAttribute("aria-label", name(sureness ? wording("beats.said_with", { fact, sureness }) : fact));
    }
}

/** The name of a key, moved by semitones. */
function keyName({ tonic, mode }, semitones) {
    const moved = (((tonic + semitones) % 12) + 12) % 12;
    return wording(MODES[mode], { tonic: wording(TONICS[mode]).split(" ")[moved] });
}
