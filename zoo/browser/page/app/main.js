/* The page: a song comes in, the mixer shows its stems, and texts say what happens. */

import { findProviders, runtimeFiles } from "../engine/runtime.js";
import { mountMixer } from "../mixer.js";
import { LANGUAGE, translate, wording } from "../wording.js";
import { canBeFlac, flacBlob } from "./flac.js";
import { isolate, keepFiles } from "./offline.js";
import { Separation } from "./separation.js";
import { claimFolder, emptyFolder } from "./song_folders.js";
import { readSong } from "./song_file.js";
import { zipBlob } from "./zip.js";

const find = (id) => document.getElementById(id);
const base = new URL("../", import.meta.url).href;
const wishes = new URLSearchParams(location.search); // ?gpu=no: the processor; ?gpu=yes: also an imitated card

class Page {
    constructor(site, owner) {
        Object.assign(this, { site, owner, separation: null, isReading: false, props: { value: null } });
        const watch = (_, callback) => (this.showState = callback);
        mountMixer(find("mixer"), () => {}, this.props, watch);
        this.showModel();
        this.showExamples();
        this.wire();
    }

    get isBusy() {
        return this.isReading || Boolean(this.separation && !this.separation.isOver);
    }

    wire() {
        const drop = find("drop");
        find("file").addEventListener("change", (event) => {
            const [file] = event.target.files;
            event.target.value = ""; // the same file may be chosen again
            this.open(file);
        });
        find("stop").addEventListener("click", () => this.separation && this.separation.stop());
        for (const name of ["dragenter", "dragover", "dragleave", "drop"]) {
            document.addEventListener(name, (event) => {
                event.preventDefault();
                drop.classList.toggle("over", name === "dragenter" || name === "dragover");
            });
        }
        document.addEventListener("drop", (event) => this.open(event.dataTransfer.files[0]));
        find("mixer").addEventListener("click", (event) => this.saveFiles(event), { capture: true });
        addEventListener("beforeunload", (event) => this.isBusy && event.preventDefault());
        addEventListener("pagehide", (event) => event.persisted || emptyFolder(this.owner));
    }

    async open(file) {
        if (!file || this.isReading) {
            return;
        }
        this.isReading = true;
        this.say("alert", "");
        this.say("notice", wording("browser.reading", { name: file.name }));
        try {
            await this.close();
            const mediaModule = new URL(this.site.media, base).href;
            const { notice, ...song } = await readSong(file, {
                mediaModule,
                numStems: this.site.sources.length,
            });
            this.say("notice", notice || "");
            this.begin({ ...song, file });
        } catch (error) {
            this.say("notice", "");
            this.say("alert", error.message);
        } finally {
            this.isReading = false;
        }
    }

    begin(song) {
        const title = song.title;
        const { site, owner } = this;
        find("stop").hidden = false;
        this.separation = new Separation({
            song,
            site,
            base,
            owner,
            colors: site.colors,
            gpu: wishes.get("gpu") || "",
            onState: (state) => this.show(state),
            onNotice: (text) => this.say("notice", text),
            onProvider: (provider) => this.showProvider(provider),
            onEnd: (problem) => {
                find("stop").hidden = true;
                this.wakeLock?.release();
                this.say("alert", problem ? wording("browser.failed", { title, reason: problem }) : "");
            },
        });
        this.separation.start();
        this.stayAwake();
    }

    /** A phone whose screen goes dark stops computing. */
    async stayAwake() {
        try {
            this.wakeLock = await navigator.wakeLock.request("screen");
            if (!this.isBusy) {
                this.wakeLock.release();
            }
        } catch {
            // Not offered here, or the page is in the background.
        }
    }

    async close() {
        if (this.separation) {
            this.separation.stop();
            this.separation.close();
            this.separation = null;
            this.show(null);
            await emptyFolder(this.owner);
        }
    }

    show(state) {
        this.props.value = state;
        this.showState();
    }

    /** Files are made when they are asked for; a WAV of one stem is there already. */
    async saveFiles(event) {
        const link = event.target.closest("a.archive, a.download");
        const isFlac = find("format").value === "flac";
        if (!link || !this.separation || (link.matches(".download") && !isFlac)) {
            return;
        }
        event.preventDefault();
        event.stopPropagation();
        const lane = link.matches(".download") ? link.closest(".lane").dataset.lane : null;
        const chosen = this.separation.stems.filter((stem) => lane === null || stem.lane === lane);
        this.say("notice", wording("browser.packing"));
        try {
            const { files, notice } = isFlac ? await this.flacFiles(chosen) : { files: chosen, notice: "" };
            save(
                lane === null ? await zipBlob(files) : files[0].blob,
                lane === null ? link.download : files[0].name,
            );
            this.say("notice", notice);
        } catch (error) {
            this.say("notice", "");
            this.say("alert", wording("browser.not_packed", { reason: error.message }));
        }
    }

    async flacFiles(stems) {
        const { gain, numChannels, sampleRate } = this.separation;
        if (!canBeFlac(sampleRate)) {
            return {
                files: stems,
                notice: wording("browser.no_flac", { rate: sampleRate }),
            };
        }
        const modules = {
            media: new URL(this.site.media, base).href,
            flac: new URL(this.site.flac, base).href,
        };
        const files = [];
        for (const { name, sounds } of stems) {
            const blob = await flacBlob(sounds, { numChannels, sampleRate, gain, modules });
            files.push({ name: name.replace(/wav$/, "flac"), blob });
        }
        const decibels = Number((-20 * Math.log10(gain)).toFixed(2));
        return { files, notice: gain < 1 ? wording("browser.lowered", { decibels }) : "" };
    }

    say(id, text) {
        find(id).hidden = !text;
        find(id).textContent = text;
    }

    showModel() {
        const { title, licence, credits, training_data: training, weights } = this.site;
        find("model").textContent = wording("browser.network", { title, weights });
        find("training").textContent = training ? wording("browser.trained", { data: training }) : "";
        find("licence").textContent = licence
            ? wording("browser.licence", { licence })
            : wording("browser.no_licence");
        const items = [...credits, ...this.site.examples.flatMap((example) => example.credits)];
        find("credits").replaceChildren(
            ...items.map((text) => Object.assign(document.createElement("li"), { textContent: text })),
        );
    }

    showExamples() {
        const buttons = this.site.examples.map(({ label, title, file }) => {
            const button = Object.assign(document.createElement("button"), {
                type: "button",
                textContent: wording(label),
            });
            button.addEventListener("click", async () => {
                try {
                    const answer = await fetch(new URL(file, base));
                    if (!answer.ok) {
                        throw new Error(String(answer.status));
                    }
                    const name = title + file.slice(file.lastIndexOf("."));
                    this.open(new File([await answer.blob()], name));
                } catch (error) {
                    this.say("alert", wording("browser.no_example", { reason: error.message }));
                }
            });
            return button;
        });
        find("examples").replaceChildren(...buttons);
    }

    showProvider({ name, threads, canThread }) {
        const reason = this.obstacle || wording("browser.not_isolated");
        const processor = canThread ? "browser.threads" : "browser.slow";
        const key = name === "webgpu" ? "browser.graphics_card" : processor;
        find("compute").textContent = wording(key, { threads, reason });
    }
}

function save(blob, name) {
    const url = URL.createObjectURL(blob);
    Object.assign(document.createElement("a"), { href: url, download: name }).click();
    setTimeout(() => URL.revokeObjectURL(url), 60000);
}

async function main() {
    document.documentElement.lang = LANGUAGE;
    translate(document);
    const answer = await fetch(new URL("site.json", base));
    const site = await answer.json();
    const page = new Page(site, await claimFolder());
    globalThis.page = page; // for tests and the curious
    page.obstacle = await isolate({ isBusy: () => page.isBusy });
    const [provider] = await findProviders({ gpu: wishes.get("gpu") || "" });
    page.showProvider(provider);
    const saves = navigator.connection && navigator.connection.saveData;
    if (!saves) {
        const isKept = await keepFiles([...site.model_files, ...Object.values(runtimeFiles(site, provider))]);
        find("offline").textContent = isKept ? wording("browser.offline") : "";
    }
}

main().catch((error) => {
    find("alert").hidden = false;
    find("alert").textContent = wording("browser.not_started", { reason: error.message });
});
