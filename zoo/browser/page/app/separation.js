/* One separation: its worker, and what the mixer shows of it while it grows. */

import { waveHeader } from "../engine/wave_header.js";
import { wording } from "../wording.js";

const ORIGINAL = "original";

export class Separation {
    /** `song` as readSong gave it, with the file itself; `onState(state)` for the mixer,
    `onNotice(text)`, `onProvider(provider)`, `onEnd(problem or "")`. */
    constructor({ song, site, base, owner, colors, gpu, onState, onNotice, onProvider, onEnd }) {
        Object.assign(this, { song, site, base, owner, colors, gpu, onState, onNotice, onProvider, onEnd });
        this.id = String(performance.timeOrigin + performance.now());
        this.numSamples = song.channels[0].length;
        this.numChannels = song.channels.length;
        this.sampleRate = song.sampleRate;
        this.numDone = 0;
        this.stage = { key: "stage.starting" };
        this.startedAt = 0;
        this.urls = [];
        this.isOver = false;
        const seconds = toTenths(this.numSamples / this.sampleRate);
        this.about = [{ key: "about.song", values: { model: site.title, seconds } }];
        this.notes = [];
        this.lanes = [this.originalLane(), ...site.sources.map((name) => stemLane(name, site))];
        this.sounds = new Map(site.sources.map((name) => [name, []]));
    }

    start() {
        const { site, base, owner, colors, gpu } = this;
        this.worker = new Worker(new URL("../engine/worker.js", import.meta.url), { type: "module" });
        this.worker.onmessage = ({ data }) => this.take(data);
        this.worker.onerror = (event) => {
            event.preventDefault();
            this.fail(event.message || wording("browser.no_worker"));
        };
        this.worker.onmessageerror = () => this.fail(wording("browser.no_answer"));
        const { channels, sampleRate } = this.song;
        this.song.channels = null; // the worker has them now
        const message = { song: { channels, sampleRate }, site, base, owner, songId: this.id, colors, gpu };
        this.worker.postMessage(
            message,
            channels.map((samples) => samples.buffer),
        );
        this.show();
    }

    /** Stop; what is separated so far stays. */
    stop() {
        if (!this.isOver) {
            this.finish({ key: this.numDone ? "note.stopped" : "note.stopped_at_once" });
            this.onEnd("");
        }
    }

    take(message) {
        if (this.isOver) {
            return;
        }
        if (message.stage) {
            this.stage = message.stage;
        } else if (message.notice) {
            this.onNotice(message.notice);
        } else if (message.provider) {
            this.onProvider(message.provider);
            this.startedAt ||= performance.now(); // another provider may take over later
        } else if (message.original) {
            this.change(ORIGINAL, {
                picture: this.file(message.original.picture),
                outline: message.original.outline,
            });
        } else if (message.piece) {
            this.takePiece(message.piece);
        } else if (message.done) {
            this.complete(message.done);
            return;
        } else if (message.failed) {
            this.fail(message.failed);
            return;
        }
        this.show();
    }

    takePiece({ start, length, stems }) {
        this.numDone = start + length;
        for (const lane of this.lanes.filter((known) => stems[known.name])) {
            const { sound, picture, outline } = stems[lane.name];
            this.sounds.get(lane.name).push(sound);
            const piece = {
                start: start / this.sampleRate,
                seconds: length / this.sampleRate,
                audio: this.file(this.wave([sound], length)),
                gain: 1,
                picture: this.file(picture),
            };
            this.change(lane.name, { pieces: [...(lane.pieces || []), piece], outline });
        }
    }

    complete({ pictures, sumErrorDecibels }) {
        for (const [name, picture] of Object.entries(pictures)) {
            this.change(name, { picture: this.file(picture) });
        }
        this.seconds = (performance.now() - this.startedAt) / 1000; // that the separation took
        const { seconds } = this;
        const ratio = this.numSamples / this.sampleRate / seconds;
        const took = { seconds: toTenths(seconds), ratio: toTenths(ratio) };
        this.about = [...this.about, { key: "about.took_times", values: took }];
        this.finish({ key: "note.sum", values: { decibels: Math.round(sumErrorDecibels) } });
        this.onEnd("");
    }

    fail(problem) {
        if (!this.isOver) {
            this.finish({ key: this.numDone ? "note.incomplete" : "note.stopped_at_once" });
            this.onEnd(problem);
        }
    }

    /** Put whole stems in the place of their pieces; the worker's memory goes back to the machine. */
    finish(note) {
        this.isOver = true;
        this.worker.terminate();
        this.notes = [note];
        if (this.numDone === 0) {
            this.lanes = this.lanes.filter((lane) => lane.name === ORIGINAL);
        }
        this.stems = [];
        for (const lane of this.lanes.filter((known) => this.sounds.has(known.name))) {
            const name = `${this.song.title} - ${lane.name}.wav`;
            const blob = this.wave(this.sounds.get(lane.name), this.numDone);
            const sounds = this.sounds.get(lane.name);
            this.stems.push({
                lane: lane.name,
                name,
                blob,
                sounds,
                peak: Math.max(...(lane.outline || [0])),
            });
            const audio = this.file(blob);
            const download = { ...audio, orig_name: name };
            this.change(lane.name, { audio, download, pieces: lane.picture ? null : lane.pieces });
        }
        this.show();
    }

    show() {
        const isCut = this.isOver && this.numDone > 0 && this.numDone < this.numSamples;
        const seconds = (isCut ? this.numDone : this.numSamples) / this.sampleRate;
        const archive =
            this.isOver && this.numDone ? { url: "#zip", orig_name: `${this.song.title} - stems.zip` } : null;
        this.onState({
            id: this.id,
            title: this.song.title,
            about: this.about,
            notes: this.notes,
            seconds,
            sample_rate: this.sampleRate,
            lanes: this.lanes,
            progress: this.isOver ? null : this.progress(),
            archive,
        });
    }

    progress() {
        const fraction = this.numDone / this.numSamples;
        const elapsed = (performance.now() - this.startedAt) / 1000;
        const left = this.startedAt && fraction > 0 ? (elapsed / fraction) * (1 - fraction) : null;
        return { fraction, doing: this.stage, seconds_left: left };
    }

    change(name, changes) {
        this.lanes = this.lanes.map((lane) => (lane.name === name ? { ...lane, ...changes } : lane));
    }

    originalLane() {
        return {
            name: ORIGINAL,
            kind: ORIGINAL,
            source: "",
            on: false,
            gain: 1,
            audio: this.file(this.song.file),
        };
    }

    wave(sounds, numSamples) {
        const { numChannels, sampleRate } = this;
        return new Blob([waveHeader({ numSamples, numChannels, sampleRate }), ...sounds], {
            type: "audio/wav",
        });
    }

    file(blob) {
        const url = URL.createObjectURL(blob);
        this.urls.push(url);
        return { url };
    }

    /** The factor that brings the loudest of all stems to full scale; 1 where all are below it. */
    get gain() {
        return 1 / Math.max(1, ...this.stems.map((stem) => stem.peak));
    }

    /** Forget the song. */
    close() {
        this.isOver = true;
        this.worker.terminate();
        this.urls.forEach((url) => URL.revokeObjectURL(url));
    }
}

function toTenths(value) {
    return Number(value.toFixed(1));
}

function stemLane(name, { colors, part_of: partOf }) {
    const own = { color: colors[name], part_of: partOf[name] || "", on: !partOf[name] };
    return { name, kind: "stem", source: name, ...own, gain: 1, audio: null, pieces: null };
}
