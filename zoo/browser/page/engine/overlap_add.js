/* Chunked processing of long signals: cut with context, process, trim, crossfade.

As zoo/overlap_add.py, for one signal and one chunk a call. Chunk k is responsible for the samples
from k * hopLength on and sees `context` more at either side; neighbours are blended over the
crossfade by weights that sum to one. A signal is an array of channels, each a Float32Array. */

import { emptyChannels, joined } from "./resampler.js";

export class Chunking {
    /** All lengths are in samples. */
    constructor({ chunkLength, context, crossfade, alignment }) {
        Object.assign(this, { chunkLength, context, crossfade, alignment });
        this.keptLength = chunkLength - 2 * context;
        this.hopLength = this.keptLength - crossfade;
        const isPossible = context >= 0 && crossfade >= 0 && alignment >= 1 && this.keptLength >= 1;
        if (!isPossible || crossfade > Math.floor(this.keptLength / 2)) {
            throw new RangeError("chunks of this kind cannot be cut: " + JSON.stringify(this));
        }
    }

    countChunks(numSamples) {
        return Math.max(1, Math.ceil((numSamples - this.crossfade) / this.hopLength));
    }
}

/** Cuts blocks of a signal, as they arrive, into chunks. */
export class ChunkCutter {
    constructor(chunking, numChannels) {
        this.chunking = chunking;
        // Begins `context` samples before the next chunk's kept part.
        this.buffer = emptyChannels(numChannels, chunking.context);
        this.numSamples = 0;
    }

    /** Take a block and return the chunks that are now complete. */
    push(block) {
        const { chunkLength, context } = this.chunking;
        this.append(block);
        this.numSamples += block[0].length;
        // One sample beyond the kept part proves that the chunk is not the last one.
        const needed = chunkLength + (context === 0 ? 1 : 0);
        const chunks = [];
        while (this.length >= needed) {
            chunks.push(this.take());
        }
        return chunks;
    }

    /** Return the rest, zero-padded; the last chunk may be shorter than the others. */
    finish() {
        const { chunkLength, context, keptLength, alignment } = this.chunking;
        if (this.numSamples === 0) {
            return [];
        }
        const chunks = [];
        while (this.length - context > keptLength) {
            const missing = Math.max(0, keptLength - (this.length - 2 * context));
            chunks.push(this.take().map((samples) => padded(samples, samples.length + missing)));
        }
        const needed = this.length + context; // the buffer holds the context before, not behind
        const length = Math.min(Math.ceil(needed / alignment) * alignment, chunkLength);
        chunks.push(this.buffer.map((samples) => padded(samples, length)));
        return chunks;
    }

    get length() {
        return this.buffer[0].length;
    }

    append(block) {
        this.buffer = this.buffer.map((samples, channel) => joined(samples, block[channel]));
    }

    take() {
        const { chunkLength, hopLength } = this.chunking;
        const chunk = this.buffer.map((samples) => samples.slice(0, chunkLength));
        this.buffer = this.buffer.map((samples) => samples.slice(hopLength));
        return chunk;
    }
}

/** Joins the estimates of successive chunks: flat arrays of channels, one for each source's. */
export class ChunkStitcher {
    constructor(chunking) {
        this.chunking = chunking;
        this.tail = null; // the faded-out end of the previous chunk
        this.fadeIn = Float32Array.from(
            { length: chunking.crossfade },
            (_, index) => Math.sin((((index + 0.5) / chunking.crossfade) * Math.PI) / 2) ** 2,
        );
    }

    /** Return the samples that this chunk completes; `numKept` is what the last one has left. */
    add(estimates, numKept = null) {
        const { context, keptLength, hopLength } = this.chunking;
        const end = context + (numKept === null ? keptLength : numKept);
        const kept = estimates.map((samples) => samples.slice(context, end));
        if (this.tail) {
            kept.forEach((samples, channel) => this.blend(samples, this.tail[channel]));
        }
        if (numKept !== null) {
            return kept;
        }
        this.tail = kept.map((samples) => {
            const end = samples.slice(hopLength);
            return end.map((sample, index) => sample * (1 - this.fadeIn[index]));
        });
        return kept.map((samples) => samples.slice(0, hopLength));
    }

    blend(samples, tail) {
        for (let index = 0; index < tail.length && index < samples.length; index += 1) {
            samples[index] = tail[index] + samples[index] * this.fadeIn[index];
        }
    }
}

function padded(samples, length) {
    if (samples.length === length) {
        return samples;
    }
    const longer = new Float32Array(length);
    longer.set(samples.subarray(0, length));
    return longer;
}
