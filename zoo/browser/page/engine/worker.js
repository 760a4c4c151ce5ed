/* The worker that separates one song, so that the page never freezes; the page ends it to cancel.

In: {song: {channels, sampleRate}, site, base, owner, songId, colors, gpu}. Out, in this order:
{stage}, {provider}, {original}, {piece} ..., {done}; {notice} at any time, {failed} at the end. */

import { LanePainter, drawLevels, referenceLevel } from "./lane_painter.js";
import { Network } from "./network.js";
import { ChannelError, separateSong } from "./pipeline.js";
import { PieceStore } from "./piece_store.js";
import { GraphRunner, RuntimeError, disposeTensors, fetchBytes, findProviders } from "./runtime.js";
import { interleaved } from "./wave_header.js";
import { wording } from "../wording.js";

const NEUTRAL_COLOR = "#94a3b8";

export class EstimateError extends Error {}

self.onmessage = async ({ data }) => {
    try {
        await separate(data);
    } catch (error) {
        self.postMessage({ failed: sentenceFor(error) });
    }
};

async function separate({ song, site, base, owner, songId, colors, gpu }) {
    const [numSamples, numChannels] = [song.channels[0].length, song.channels.length];
    const facts = { numSamples, numChannels, sampleRate: song.sampleRate };
    self.postMessage({ stage: { key: "stage.drawing" } });
    const { picture, topDecibels, outline } = await drawOriginal(song, facts);
    self.postMessage({ original: { picture, outline } });
    self.postMessage({ stage: { key: "stage.loading" } });
    const network = await openNetwork({ site, base, gpu });
    self.postMessage({ stage: { key: "stage.separating" } });
    const store = await PieceStore.open(owner);
    const painters = new Map(network.sources.map((name) => [name, new LanePainter(facts)]));
    const sums = { error: 0, mixture: 0 };
    for await (const block of separateSong(song, network)) {
        checkFinite(block, network.sources, song.sampleRate);
        addUp(sums, block, network.summands);
        const piece = await makePiece({ block, painters, store, songId, colors, topDecibels });
        self.postMessage({ piece });
    }
    const pictures = {};
    for (const [name, painter] of painters) {
        const color = colors[name];
        pictures[name] = await drawLevels(painter.levels(), { color, topDecibels });
    }
    const ratio = sums.mixture > 0 ? Math.max(sums.error / sums.mixture, 1e-16) : 1e-16;
    self.postMessage({ done: { pictures, sumErrorDecibels: 10 * Math.log10(ratio) } });
}

async function drawOriginal({ channels }, facts) {
    const painter = new LanePainter(facts);
    const step = 10 * facts.sampleRate;
    for (let start = 0; start < facts.numSamples; start += step) {
        painter.push(channels.map((samples) => samples.subarray(start, start + step)));
    }
    const levels = painter.levels();
    const topDecibels = referenceLevel(levels);
    const picture = await drawLevels(levels, { color: NEUTRAL_COLOR, topDecibels });
    return { picture, topDecibels, outline: painter.outline };
}

/** Open the network with the fastest provider that works; a graphics card that fails is left. */
async function openNetwork({ site, base, gpu }) {
    const text = new TextDecoder().decode(await fetchBytes(new URL("model.json", new URL(site.model, base))));
    const record = JSON.parse(text);
    const providers = await findProviders({ gpu });
    let runner = null;
    const openNext = async () => {
        const provider = providers.shift();
        try {
            runner = await GraphRunner.open({ site, record, provider, base });
            self.postMessage({ provider });
        } catch (error) {
            if (!providers.length) {
                throw error;
            }
            self.postMessage({
                notice: wording("browser.card_unusable", { reason: error.message }),
            });
            await openNext();
        }
    };
    await openNext();
    const run = (part, graph, feeds) => runner.run(part, graph, feeds);
    const network = new Network(record, run, disposeTensors);
    const separateOnce = network.separate.bind(network);
    network.separate = async (chunk) => {
        try {
            return checkedNumbers(await separateOnce(chunk), runner.provider);
        } catch (error) {
            if (runner.provider.name === "wasm") {
                throw error;
            }
            self.postMessage({
                notice: wording("browser.card_stopped", { reason: error.message }),
            });
            await runner.close();
            await openNext();
            return separateOnce(chunk);
        }
    };
    return network;
}

/** Graphics drivers that fail silently give no numbers. */
function checkedNumbers(estimates, provider) {
    if (
        provider.name === "webgpu" &&
        !estimates.every((samples) => Number.isFinite(samples[0] + samples.at(-1)))
    ) {
        throw new RuntimeError(wording("browser.card_silent"));
    }
    return estimates;
}

async function makePiece({ block, painters, store, songId, colors, topDecibels }) {
    const { start, mixture, estimates } = block;
    const length = mixture[0].length;
    const stems = {};
    for (const [index, [name, painter]] of [...painters].entries()) {
        const channels = estimates.slice(index * mixture.length, (index + 1) * mixture.length);
        painter.push(channels);
        const [first, end] = painter.columnsBetween(start, start + length);
        const color = colors[name];
        stems[name] = {
            sound: await store.put(`${songId}.${name}.${start}`, interleaved(channels)),
            picture: await drawLevels(painter.levels(first, end), { color, topDecibels }),
            outline: painter.outline.map((peak) => Math.ceil(peak * 1e4) / 1e4), // never below the peak
        };
    }
    return { start, length, stems };
}

/** Nothing that is no number ever reaches a file. */
function checkFinite({ start, mixture, estimates }, sources, sampleRate) {
    estimates.forEach((samples, row) => {
        const index = samples.findIndex((sample) => !Number.isFinite(sample));
        if (index >= 0) {
            const source = sources[Math.floor(row / mixture.length)];
            const seconds = (start + index) / sampleRate;
            throw new EstimateError(wording("browser.estimate_no_number", { source, seconds }));
        }
    });
}

/** Add the energies of a block, and of how far its stems, parts of others apart, are from the song. */
function addUp(sums, { mixture, estimates }, summands) {
    mixture.forEach((samples, channel) => {
        for (let index = 0; index < samples.length; index += 1) {
            let error = -samples[index];
            for (const place of summands) {
                error += estimates[place * mixture.length + channel][index];
            }
            sums.error += error * error;
            sums.mixture += samples[index] * samples[index];
        }
    });
}

/** What a person is told of an error. */
function sentenceFor(error) {
    const told = [ChannelError, RuntimeError, EstimateError].some((kind) => error instanceof kind);
    if (told) {
        return error.message;
    }
    const text = String((error && error.message) || error);
    const isMemory = error instanceof RangeError || /memory|alloc|OOM/i.test(text);
    if (isMemory) {
        return wording("browser.memory_full");
    }
    if (/WebAssembly|wasm/i.test(text)) {
        return wording("browser.too_old", { reason: text });
    }
    return text;
}
