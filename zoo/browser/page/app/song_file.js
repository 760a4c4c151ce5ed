/* From a file of the visitor's to samples at the file's own rate. */

import { wording } from "../wording.js";

const FALLBACK_RATE = 44100;
// Beside the song and its stems: the program, the network and what it computes with.
const WORKING_BYTES = 600e6;
const MEMORY_SHARE = 0.5; // of the machine's memory that one page may fill
const UNKNOWN_MEMORY_GB = 4;
const MOST_CHANNELS = 2;
const MOST_ZIP_BYTES = 4e9; // what a zip can address, less its own headers
const SHORTEST_SECONDS = 1;
const TITLE_LENGTH = 80;

export class SongError extends Error {}

/** Resolve to {title, channels, sampleRate, notice}; a SongError says what is wrong, to a person. */
export async function readSong(file, { mediaModule, numStems, memoryGb = navigator.deviceMemory }) {
    if (file.size === 0) {
        throw new SongError(wording("browser.empty", { name: file.name }));
    }
    const facts = await probe(file, mediaModule);
    if (facts.channels > MOST_CHANNELS) {
        throw new SongError(
            wording("browser.too_many_channels", { name: file.name, channels: facts.channels }),
        );
    }
    const machine = { numStems, memoryGb };
    checkLength(file, facts, machine);
    const { buffer, notice } = await decode(file, facts);
    checkLength(file, { ...facts, seconds: buffer.duration, sampleRate: buffer.sampleRate }, machine);
    const channels = copyChannels(file, buffer, facts.channels);
    checkNumbers(file, channels, buffer.sampleRate);
    return { title: titleOf(file.name), channels, sampleRate: buffer.sampleRate, notice };
}

/** Rate, channels and length that the file's own headers tell; what they do not tell is absent. */
async function probe(file, mediaModule) {
    const { ALL_FORMATS, BlobSource, Input } = await load(mediaModule);
    const input = new Input({ source: new BlobSource(file), formats: ALL_FORMATS });
    let track = null;
    try {
        track = await input.getPrimaryAudioTrack();
        if (track) {
            const seconds = await track.computeDuration();
            const { sampleRate, numberOfChannels: channels, codec } = track;
            return { sampleRate, channels, seconds, codec };
        }
    } catch {
        return {}; // a container that only the browser may know
    }
    throw new SongError(wording("browser.no_track", { name: file.name }));
}

async function load(module) {
    try {
        return await import(module);
    } catch {
        throw new SongError(wording("browser.no_part"));
    }
}

function checkLength(file, { seconds, sampleRate = FALLBACK_RATE, channels = MOST_CHANNELS }, machine) {
    const most = longestSeconds({ sampleRate, channels, ...machine });
    if (most < SHORTEST_SECONDS) {
        throw new SongError(wording("browser.little_memory"));
    }
    if (seconds > most) {
        const lengths = { minutes: minutes(seconds), most: minutes(most) };
        throw new SongError(wording("browser.too_long", { name: file.name, ...lengths }));
    }
}

/** How long a song may be: it and its stems are in the memory while they play, and go into one zip. */
export function longestSeconds({ sampleRate, channels, numStems, memoryGb = UNKNOWN_MEMORY_GB }) {
    const laneBytes = 4 * channels * sampleRate; // of one second
    const free = MEMORY_SHARE * memoryGb * 2 ** 30 - WORKING_BYTES;
    const inMemory = Math.max(free, 0) / (laneBytes * (numStems + 3)); // the song thrice while it is read
    return Math.min(inMemory, MOST_ZIP_BYTES / (laneBytes * numStems));
}

/** Decode at the file's own rate, so that the browser resamples nothing. */
async function decode(file, { sampleRate, codec }) {
    const [context, notice] = openContext(sampleRate);
    try {
        return { buffer: await context.decodeAudioData(await file.arrayBuffer()), notice };
    } catch (error) {
        if (error.name === "NotReadableError" || error.name === "NotFoundError") {
            throw new SongError(wording("browser.unreadable", { name: file.name }));
        }
        const key = codec ? "browser.no_decoder" : "browser.no_audio";
        throw new SongError(wording(key, { name: file.name, codec }));
    }
}

function openContext(sampleRate) {
    try {
        return [new OfflineAudioContext(MOST_CHANNELS, 1, sampleRate || FALLBACK_RATE), ""];
    } catch {
        const notice = wording("browser.other_rate", { rate: sampleRate, own: FALLBACK_RATE });
        return [new OfflineAudioContext(MOST_CHANNELS, 1, FALLBACK_RATE), notice];
    }
}

function copyChannels(file, buffer, wanted = buffer.numberOfChannels) {
    if (buffer.numberOfChannels > MOST_CHANNELS) {
        const channels = buffer.numberOfChannels;
        throw new SongError(wording("browser.too_many_channels", { name: file.name, channels }));
    }
    const count = Math.min(wanted, buffer.numberOfChannels);
    return Array.from({ length: count }, (_, channel) => {
        const samples = new Float32Array(buffer.length);
        buffer.copyFromChannel(samples, channel);
        return samples;
    });
}

function checkNumbers(file, channels, sampleRate) {
    for (const samples of channels) {
        const index = samples.findIndex((sample) => !Number.isFinite(sample));
        if (index >= 0) {
            const seconds = index / sampleRate;
            throw new SongError(wording("browser.no_number", { name: file.name, seconds }));
        }
    }
}

/** Harmless in a file name, without the extension. */
export function titleOf(name) {
    const bare = name.replace(/\.[^.]{1,5}$/, "").normalize("NFC");
    const title = bare
        .replace(/[^\p{L}\p{M}\p{N}\s_.,()&'+-]/gu, " ")
        .replace(/\s+/g, " ")
        .trim();
    return [...title].slice(0, TITLE_LENGTH).join("") || "Song";
}

function minutes(seconds) {
    return Number((seconds / 60).toFixed(seconds < 600 ? 1 : 0));
}
