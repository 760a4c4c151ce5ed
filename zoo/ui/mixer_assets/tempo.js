/* Speed without a change of pitch, and key without a change of speed.

The sources of all lanes play faster or slower, which keeps them in step to the sample, and one
stretcher behind the mix turns the pitch: by the key that is wished, and back by what the speed did
to it. It is Signalsmith Stretch in an AudioWorklet, fetched when it is first needed. */

const STRETCH_MODULE = "signalsmith_stretch.mjs";
const SLOWEST = 0.5;
const FASTEST = 1.5;
const MOST_SEMITONES = 12;
// Silence at the end of a rendered mix, so that the stretcher gives all it holds.
const RENDER_TAIL_SECONDS = 1;

/** Why speed and key cannot be changed here; empty where they can. */
function tempoObstacle() {
    return hasAudioWorklet() ? "" : wording("mixer.no_tempo");
}

async function makeStretch(context, modulesUrl) {
    const { default: SignalsmithStretch } = await import(modulesUrl + STRETCH_MODULE);
    return SignalsmithStretch(context, { numberOfInputs: 1, numberOfOutputs: 1, outputChannelCount: [2] });
}

/** How much the stretcher has to turn the pitch, in semitones. */
function semitonesToTurn({ speed, semitones }) {
    const turn = semitones - 12 * Math.log2(speed);
    return Math.abs(turn) < 1e-6 ? 0 : turn;
}

/** Put the stretcher behind the mix, or take it away where it has nothing to do. */
async function shapeMix(playback) {
    const turn = semitonesToTurn(playback);
    const { context } = playback;
    if (!context || (!turn && !playback.stretch)) {
        return;
    }
    if (!playback.stretch) {
        const stretch = await makeStretch(context, playback.modulesUrl);
        const latency = await stretch.latency();
        if (playback.context !== context) {
            return; // another song meanwhile
        }
        Object.assign(playback, { stretch, stretchLatency: latency });
        stretch.connect(playback.heard);
    }
    const output = turn ? playback.stretch : playback.heard;
    if (output !== playback.output) {
        playback.graph.master.disconnect(playback.output);
        playback.graph.master.connect(output);
        playback.output = output;
    }
    playback.stretch.schedule({ active: Boolean(turn), semitones: semitonesToTurn(playback) });
}

/** Render the whole song as a mix says, faster than real time. */
async function renderMix(playback, mix) {
    const rate = playback.context.sampleRate;
    const turn = semitonesToTurn(playback);
    const length = Math.ceil(playback.frames(playback.duration) / playback.speed);
    const tail = turn ? playback.frames(RENDER_TAIL_SECONDS) : 0;
    const offline = new OfflineAudioContext(2, length + tail, rate);
    let output = offline.destination;
    let late = 0;
    if (turn) {
        output = await makeStretch(offline, playback.modulesUrl);
        output.connect(offline.destination);
        output.schedule({ active: true, semitones: turn });
        late = Math.round((await output.latency()) * rate);
    }
    const graph = new MixGraph(offline);
    graph.master.connect(output);
    graph.setVolume(playback.masterVolume);
    scheduleMix(graph, playback.tracks, mix, playback.speed);
    const rendered = await offline.startRendering();
    const sound = new AudioBuffer({ length, numberOfChannels: 2, sampleRate: rate });
    for (let channel = 0; channel < 2; channel += 1) {
        sound.copyToChannel(rendered.getChannelData(channel).subarray(late, late + length), channel);
    }
    return sound;
}

/** The controls: a slider for the speed, two buttons for the key; a double click resets. */
class TempoControls {
    /** onChange({speed, semitones}) */
    constructor(root, onChange) {
        this.find = (selector) => root.querySelector(selector);
        this.onChange = onChange;
        this.speed = 1;
        this.semitones = 0;
        const slider = this.find(".speed input");
        slider.addEventListener("input", () => this.show(Number(slider.value) / 100, this.semitones));
        slider.addEventListener("change", () => this.set({ speed: Number(slider.value) / 100 }));
        slider.addEventListener("dblclick", () => this.set({ speed: 1 }));
        this.find(".key-down").addEventListener("click", () => this.set({ semitones: this.semitones - 1 }));
        this.find(".key-up").addEventListener("click", () => this.set({ semitones: this.semitones + 1 }));
        this.find(".key output").addEventListener("dblclick", () => this.set({ semitones: 0 }));
        const obstacle = tempoObstacle();
        if (obstacle) {
            this.find(".tempo").title = obstacle;
            this.find(".tempo").classList.add("off");
            root.querySelectorAll(".tempo input, .tempo button").forEach((control) => (control.disabled = true));
        }
        this.show(1, 0);
    }

    set({ speed = this.speed, semitones = this.semitones }) {
        if (tempoObstacle()) {
            return;
        }
        this.speed = Math.min(Math.max(speed, SLOWEST), FASTEST);
        this.semitones = Math.min(Math.max(semitones, -MOST_SEMITONES), MOST_SEMITONES);
        this.show(this.speed, this.semitones);
        this.onChange({ speed: this.speed, semitones: this.semitones });
    }

    show(speed, semitones) {
        const percent = Math.round(100 * speed);
        this.find(".speed input").value = percent;
        this.find(".speed input").setAttribute("aria-valuetext", wording("mixer.speed_value", { percent }));
        this.find(".speed output").textContent = percent + " %";
        this.find(".key output").textContent = (semitones > 0 ? "+" : semitones < 0 ? "\u2212" : "") + Math.abs(semitones);
        this.find(".key-down").disabled = semitones <= -MOST_SEMITONES || Boolean(tempoObstacle());
        this.find(".key-up").disabled = semitones >= MOST_SEMITONES || Boolean(tempoObstacle());
    }

    /** What an address asks for, as {speed, semitones}; what is no whole number of the range is left out. */
    static linked(search) {
        const wishes = new URLSearchParams(search);
        const read = (name, least, most) => {
            const text = wishes.get(name) || "";
            const isWithin = /^-?\d{1,3}$/.test(text) && least <= Number(text) && Number(text) <= most;
            return isWithin ? Number(text) : undefined;
        };
        const percent = read("speed", 100 * SLOWEST, 100 * FASTEST);
        return {
            speed: percent === undefined ? undefined : percent / 100,
            semitones: read("key", -MOST_SEMITONES, MOST_SEMITONES),
        };
    }

    /** For an address that asks for the present speed and key; empty where they are the song's own. */
    get query() {
        const query = new URLSearchParams();
        if (this.speed !== 1) {
            query.set("speed", String(Math.round(100 * this.speed)));
        }
        if (this.semitones) {
            query.set("key", String(this.semitones));
        }
        return query.toString();
    }

    /** For the name of a saved mix. */
    get label() {
        const parts = [];
        if (this.speed !== 1) {
            parts.push(Math.round(100 * this.speed) + " percent");
        }
        if (this.semitones) {
            parts.push((this.semitones > 0 ? "+" : "") + this.semitones + " semitones");
        }
        return parts.length ? " (" + parts.join(", ") + ")" : "";
    }
}
