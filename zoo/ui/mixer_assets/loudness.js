/* Loudness by ITU-R BS.1770-4: of what is heard while it plays, and of a whole mix.

The numbers come from worklets/loudness_meter.mjs, which runs beside the sound. */

const METER_MODULE = "loudness_meter.mjs";

/** A number in decibels to one digit after the decimal mark, which it always has. */
function levelText(level) {
    const digits = Number.isFinite(level) ? level.toFixed(1) : "-\u221e";
    return digits.replace("-", "\u2212").replace(".", wording("number.decimal"));
}

/** The same with a plus, as a change of level is written. */
function changeText(level) {
    const tenths = Math.round(10 * level) || 0; // no minus before a zero
    return (tenths > 0 ? "+" : "") + levelText(tenths / 10);
}

async function makeMeter(context, modulesUrl, processorOptions) {
    await context.audioWorklet.addModule(modulesUrl + METER_MODULE);
    return new AudioWorkletNode(context, "loudness-meter", {
        outputChannelCount: [1],
        channelCount: 2,
        channelCountMode: "explicit",
        processorOptions,
    });
}

/** Integrated loudness of the first frames of a mix at its own speed, in LUFS; -Infinity for silence. */
async function measureLoudness(playback, mix, frames) {
    if (frames === 0) {
        return -Infinity;
    }
    const offline = new OfflineAudioContext(1, frames, playback.context.sampleRate);
    const meter = await makeMeter(offline, playback.modulesUrl, { frames });
    const measured = new Promise((resolve, reject) => {
        meter.port.onmessage = ({ data }) => resolve(data.integrated);
        meter.onprocessorerror = () => reject(new Error(wording("mixer.measuring_stopped")));
    });
    const graph = new MixGraph(offline);
    graph.master.connect(meter).connect(offline.destination);
    scheduleMix(graph, playback.tracks, mix, 1);
    await offline.startRendering();
    return measured;
}

/** Shows the loudness and the true peak of what is heard; a click begins anew. */
class LoudnessReadout {
    constructor(root) {
        this.button = root.querySelector(".loudness");
        this.meter = null;
        this.button.title = wording(hasAudioWorklet() ? "mixer.loudness_hint" : "mixer.no_loudness");
        this.button.disabled = !hasAudioWorklet();
        this.button.addEventListener("click", () => this.reset());
        this.clear();
    }

    clear() {
        this.show({ shortTerm: -Infinity, integrated: -Infinity, truePeak: -Infinity });
    }

    /** Measure what a playback gives; once for each of its contexts. */
    async listen(playback) {
        const { context } = playback;
        if (!hasAudioWorklet() || this.context === context) {
            return;
        }
        this.context = context;
        try {
            const meter = await makeMeter(context, playback.modulesUrl);
            playback.heard.connect(meter).connect(context.destination); // it gives silence
            meter.port.onmessage = ({ data }) => this.context === context && this.show(data);
            this.meter = meter;
        } catch (error) {
            this.button.title = wording("mixer.loudness_failed", { reason: error.message });
            this.button.disabled = true;
        }
    }

    reset() {
        this.clear();
        if (this.meter) {
            this.meter.port.postMessage("reset");
        }
    }

    show({ shortTerm, integrated, truePeak }) {
        const texts = [shortTerm, integrated, truePeak].map(levelText);
        const key = texts.join();
        if (this.button.dataset.key !== key) {
            this.button.dataset.key = key;
            this.button.querySelectorAll("b").forEach((box, index) => (box.textContent = texts[index]));
            this.button.classList.toggle("over", truePeak > 0);
        }
    }
}
