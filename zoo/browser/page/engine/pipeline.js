/* From the samples of a song at any rate to blocks of its stems at that rate.

As zoo/separation/pipeline.py. Estimates are flat arrays of channels, source by source. */

import { wording } from "../wording.js";
import { Chunking, ChunkCutter, ChunkStitcher } from "./overlap_add.js";
import { StreamResampler } from "./resampler.js";
import { SilenceMuter, isSilent } from "./silence.js";

const SMALLEST_NUMBER = 1.1754943508222875e-38;
const BLOCK_SAMPLES = 65536;

export class ChannelError extends Error {}

/** How the channels of a song become those of a network, and back. */
export class ChannelPlan {
    constructor(numSong, numNetwork) {
        Object.assign(this, { numSong, numNetwork });
        if (numSong !== 1 && numSong !== numNetwork && numNetwork !== 1) {
            throw new ChannelError(wording("browser.song_channels", { channels: numSong }));
        }
        this.numSignals = numNetwork === 1 ? numSong : 1; // that the network sees one by one
    }

    /** Channels of the song -> signals, each an array of the network's channels. */
    toNetwork(block) {
        if (this.numNetwork === 1) {
            return block.map((samples) => [samples]);
        }
        return [Array.from({ length: this.numNetwork }, (_, index) => block[index % this.numSong])];
    }

    /** Signals of estimates (source by source, channel by channel) -> the song's channels by source. */
    toSong(signals) {
        if (this.numNetwork === 1) {
            return signals[0].flatMap((_, source) => signals.map((signal) => signal[source]));
        }
        const [estimates] = signals;
        if (this.numSong > 1) {
            return estimates;
        }
        const means = [];
        for (let row = 0; row < estimates.length; row += this.numNetwork) {
            means.push(meanOf(estimates.slice(row, row + this.numNetwork)));
        }
        return means;
    }
}

/** Yield {start, mixture, estimates} from a song ({channels, sampleRate}).

`network` has sources, channels, sampleRate, chunking, silenceSeconds, consistency ({share_exponent,
quietest_share} or null), summands (places of the sources that add up to the song, if there is
consistency) and separate(chunk), which resolves to estimates of a chunk. Joined, the blocks have as
many samples as the song. */
export async function* separateSong(song, network) {
    const { channels, sampleRate } = song;
    const plan = new ChannelPlan(channels.length, network.channels);
    const backward = new StreamResampler({
        fromRate: network.sampleRate,
        toRate: sampleRate,
        numChannels: network.sources.length * channels.length,
    });
    const muter = new SilenceMuter(Math.round(network.silenceSeconds * sampleRate));
    let numPaired = 0;
    let numGiven = 0;
    const pair = (rows) => {
        const end = Math.min(numPaired + rows[0].length, channels[0].length);
        const mixture = channels.map((samples) => samples.slice(numPaired, end));
        const estimates = rows.map((samples) => samples.slice(0, end - numPaired));
        numPaired = end;
        if (network.consistency) {
            shareEqually(summandsOf(estimates, mixture.length, network), mixture);
        }
        return muter.push({ mixture, estimates });
    };
    const numbered = (block) => {
        const start = numGiven;
        numGiven += block.mixture[0].length;
        return { start, ...block };
    };
    for await (const rows of estimateAtNetworkRate(song, network, plan)) {
        const ready = backward.push(rows);
        if (ready[0].length) {
            const block = pair(ready);
            if (block.mixture[0].length) {
                yield numbered(block);
            }
        }
    }
    const rest = backward.finish();
    for (const block of [rest[0].length ? pair(rest) : null, muter.finish()]) {
        if (block && block.mixture[0].length) {
            yield numbered(block);
        }
    }
}

/** Yield estimates at the network's rate, in the song's channels. */
async function* estimateAtNetworkRate({ channels, sampleRate }, network, plan) {
    const chunking = new Chunking(network.chunking);
    const rates = { fromRate: sampleRate, toRate: network.sampleRate };
    const forward = new StreamResampler({ ...rates, numChannels: channels.length });
    const range = Array.from({ length: plan.numSignals });
    const cutters = range.map(() => new ChunkCutter(chunking, network.channels));
    const stitchers = range.map(() => new ChunkStitcher(chunking));
    const estimate = async (chunk) => {
        const estimates = await separateChunk(network, chunk);
        if (network.consistency) {
            shareResidual(summandsOf(estimates, chunk.length, network), chunk, network.consistency);
        }
        return estimates;
    };
    const push = (block) => plan.toNetwork(block).map((signal, index) => cutters[index].push(signal));
    const stitch = async (chunks, numKept) => {
        const signals = [];
        for (const [index, chunk] of chunks.entries()) {
            signals.push(stitchers[index].add(await estimate(chunk), numKept));
        }
        return plan.toSong(signals);
    };
    let waiting = [];
    for (const block of blocksOf(channels, forward)) {
        waiting.push(...transposed(push(block)));
        while (waiting.length) {
            yield await stitch(waiting.shift(), null);
        }
    }
    waiting = transposed(cutters.map((cutter) => cutter.finish()));
    const { numSamples } = cutters[0];
    const last = waiting.pop();
    for (const chunks of waiting) {
        yield await stitch(chunks, null);
    }
    if (last) {
        yield await stitch(last, numSamples - (chunking.countChunks(numSamples) - 1) * chunking.hopLength);
    }
}

function* blocksOf(channels, resampler) {
    for (let start = 0; start < channels[0].length; start += BLOCK_SAMPLES) {
        yield resampler.push(channels.map((samples) => samples.subarray(start, start + BLOCK_SAMPLES)));
    }
    yield resampler.finish();
}

/** A chunk of digital silence gives silence without any work. */
function separateChunk(network, chunk) {
    if (!isSilent(chunk)) {
        return network.separate(chunk);
    }
    const length = chunk[0].length;
    return Array.from({ length: network.sources.length * chunk.length }, () => new Float32Array(length));
}

/** The rows of the estimates that add up to the mixture. */
function summandsOf(estimates, numChannels, { summands }) {
    return summands.flatMap((place) => estimates.slice(place * numChannels, (place + 1) * numChannels));
}

/** Add the residual of a chunk to its estimates, in shares by a power of their levels. */
export function shareResidual(estimates, mixture, consistency) {
    const numChannels = mixture.length;
    const numSources = estimates.length / numChannels;
    const floor = consistency.quietest_share * level(mixture) + SMALLEST_NUMBER;
    const weights = Array.from({ length: numSources }, (_, source) => {
        const rows = estimates.slice(source * numChannels, (source + 1) * numChannels);
        return Math.max(level(rows), floor) ** consistency.share_exponent;
    });
    const total = weights.reduce((sum, weight) => sum + weight, 0);
    addResidual(
        estimates,
        mixture,
        weights.map((weight) => weight / total),
    );
}

function shareEqually(estimates, mixture) {
    const numSources = estimates.length / mixture.length;
    addResidual(
        estimates,
        mixture,
        Array.from({ length: numSources }, () => 1 / numSources),
    );
}

function addResidual(estimates, mixture, shares) {
    const numChannels = mixture.length;
    mixture.forEach((samples, channel) => {
        const rows = shares.map((_, source) => estimates[source * numChannels + channel]);
        for (let index = 0; index < samples.length; index += 1) {
            let residual = samples[index];
            for (const row of rows) {
                residual -= row[index];
            }
            for (let source = 0; source < rows.length; source += 1) {
                rows[source][index] += residual * shares[source];
            }
        }
    });
}

/** Root mean square over channels and samples. */
export function level(channels) {
    let sum = 0;
    for (const samples of channels) {
        for (let index = 0; index < samples.length; index += 1) {
            sum += samples[index] * samples[index];
        }
    }
    return Math.sqrt(sum / (channels.length * channels[0].length));
}

function meanOf(rows) {
    return rows[0].map((_, index) => rows.reduce((sum, row) => sum + row[index], 0) / rows.length);
}

function transposed(lists) {
    return lists[0].map((_, index) => lists.map((list) => list[index]));
}
