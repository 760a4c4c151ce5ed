/* An exported network (python -m zoo export) as something that separates chunks.

The graphs take and give spectrograms; here are the level, the padding, the transform and back. */

import { level } from "./pipeline.js";
import { Stft } from "./stft.js";

export class Network {
    /** `record` is the folder's model.json. `run(part, graph, feeds)` runs one of its graphs: feeds
    and what it resolves to are {name: {data, dims}}. `dispose` frees what the encoder gave. */
    constructor(record, run, dispose = () => {}) {
        Object.assign(this, { record, run, dispose });
        this.sources = record.sources;
        this.channels = record.channels;
        this.sampleRate = record.sample_rate;
        const partOf = record.spec?.part_of ?? {};
        /** Places of the sources that add up to the mixture: those that are no parts of others. */
        this.summands = [...this.sources.keys()].filter((place) => !(this.sources[place] in partOf));
        this.consistency = this.summands.length > 1 ? record.mixture_consistency : null;
        this.silenceSeconds = record.silence_seconds;
        this.chunking = { ...camelCased(record.chunking), alignment: record.parts[0].hop_length };
        this.parts = record.parts.map((part) => ({
            ...part,
            stft: new Stft({ nFft: part.n_fft, hopLength: part.hop_length, numBins: part.num_bins }),
        }));
    }

    /** Resolve to the estimates of a chunk (an array of channels): source by source, channel by channel. */
    async separate(chunk) {
        const gain = this.gainOf(chunk);
        const seen = chunk.map((samples) => samples.map((sample) => sample * gain));
        const sums = [];
        for (const part of this.parts) {
            const estimates = await this.separatePart(part, seen);
            estimates.forEach((samples, row) => {
                sums[row] = sums[row] ? added(sums[row], samples) : samples;
            });
        }
        sums.forEach((samples) => {
            for (let index = 0; index < samples.length; index += 1) {
                samples[index] /= gain;
            }
        });
        return sums;
    }

    /** The factor that brings a chunk to the level at which the network was trained. */
    gainOf(chunk) {
        const wanted = this.record.input_level;
        if (!wanted) {
            return 1;
        }
        return amplitude(wanted.dbfs) / Math.max(level(chunk), amplitude(wanted.quietest_dbfs));
    }

    async separatePart(part, chunk) {
        const numSamples = chunk[0].length;
        const length = paddedLength(part, numSamples);
        const data = part.stft.analyse(chunk.map((samples) => lengthened(samples, length)));
        const numFrames = part.stft.countFrames(length);
        const dims = [1, 2 * this.channels, numFrames, part.num_bins];
        const known = { spectrogram: { data, dims } };
        let encoded = {};
        if (part.graphs.encoder) {
            encoded = await this.run(part, "encoder", known);
            Object.assign(known, encoded);
        }
        const decoder = part.graphs.encoder ? "decoder" : "network";
        const estimates = [];
        for (const [index] of this.sources.entries()) {
            const condition = new Float32Array(this.sources.length);
            condition[index] = 1;
            const feeds = { ...known, condition: { data: condition, dims: [1, condition.length] } };
            const { estimate } = await this.run(part, decoder, feeds);
            estimates.push(...part.stft.synthesise(estimate.data, this.channels, numSamples));
        }
        this.dispose(encoded);
        return estimates;
    }
}

/** The least length from `numSamples` up whose spectrogram has fitting frames. */
export function paddedLength({ n_fft: nFft, hop_length: hop, frame_multiple: multiple }, numSamples) {
    const isEnough = numSamples > nFft / 2 && 4 * hop <= nFft;
    if (isEnough && (1 + Math.floor(numSamples / hop)) % multiple === 0) {
        return numSamples;
    }
    const needed = Math.max(numSamples, nFft / 2 + 1);
    const frames = Math.ceil(needed / hop) + 1;
    return (Math.ceil(frames / multiple) * multiple - 1) * hop;
}

function amplitude(decibels) {
    return 10 ** (decibels / 20);
}

function camelCased({ chunk_length: chunkLength, context, crossfade }) {
    return { chunkLength, context, crossfade };
}

function lengthened(samples, length) {
    const longer = new Float32Array(length);
    longer.set(samples);
    return longer;
}

function added(first, second) {
    for (let index = 0; index < first.length; index += 1) {
        first[index] += second[index];
    }
    return first;
}
