/* Sample rate conversion of signals that arrive block by block.

Band-limited interpolation with linear phase and no delay: a sinc in a Kaiser window. Its three
numbers were fitted to soxr's quality "HQ", which the Python engine uses, until white noise that was
converted by both differed least. */

const ZERO_CROSSINGS = 110; // half the filter's length, in samples of the lower rate
const KAISER_BETA = 15.95;
const CUTOFF = 0.95684; // of the lower Nyquist frequency, where the filter lets half through
const MOST_PHASES = 4096; // ratios that need more are interpolated between these

/** Samples that conversion makes: the least that lasts as long as the signal. */
export function resampledLength(numSamples, fromRate, toRate) {
    return Math.ceil((numSamples * toRate) / fromRate);
}

export class StreamResampler {
    constructor({ fromRate, toRate, numChannels }) {
        Object.assign(this, { fromRate, toRate, numChannels });
        this.numTaken = 0;
        this.numGiven = 0;
        this.passes = fromRate === toRate;
        if (!this.passes) {
            this.filter = makeFilter(fromRate, toRate);
            this.tail = emptyChannels(numChannels, this.filter.before);
            this.tailStart = -this.filter.before;
        }
    }

    /** Take a block (an array of channels) and return what is now ready, perhaps nothing. */
    push(block) {
        this.numTaken += block[0].length;
        if (this.passes) {
            return block;
        }
        this.append(block);
        const ready = this.numTaken - this.filter.after;
        const end = Math.max(0, Math.ceil((ready * this.toRate) / this.fromRate));
        return this.convert(Math.max(end, this.numGiven));
    }

    /** Return the rest, so that the whole has `resampledLength` samples. */
    finish() {
        if (this.passes) {
            return emptyChannels(this.numChannels, 0);
        }
        this.append(emptyChannels(this.numChannels, this.filter.after + 1));
        return this.convert(resampledLength(this.numTaken, this.fromRate, this.toRate));
    }

    append(block) {
        this.tail = this.tail.map((kept, channel) => joined(kept, block[channel]));
    }

    /** Return the samples up to number `end` of the result, and forget what is no longer needed. */
    convert(end) {
        const { filter, fromRate, toRate, tailStart } = this;
        const first = this.numGiven;
        const out = emptyChannels(this.numChannels, end - first);
        for (let index = first; index < end; index += 1) {
            const whole = Math.floor((index * fromRate) / toRate);
            const phase = (index * fromRate - whole * toRate) / toRate; // in 0..1
            const place = phase * filter.numPhases;
            const low = Math.floor(place + 1e-9);
            const share = filter.isExact ? 0 : place - low;
            const at = whole - filter.before + 1 - tailStart;
            this.tail.forEach((samples, channel) => {
                let sum = dot(filter.table, low * filter.length, samples, at, filter.length);
                if (share > 0) {
                    const next = dot(filter.table, (low + 1) * filter.length, samples, at, filter.length);
                    sum += share * (next - sum);
                }
                out[channel][index - first] = sum;
            });
        }
        this.numGiven = end;
        const needed = Math.floor((end * fromRate) / toRate) - filter.before + 1;
        const numPast = Math.min(Math.max(needed - tailStart, 0), this.tail[0].length);
        this.tail = this.tail.map((samples) => samples.slice(numPast));
        this.tailStart += numPast;
        return out;
    }
}

function dot(table, from, samples, at, length) {
    let sum = 0;
    for (let tap = 0; tap < length; tap += 1) {
        sum += table[from + tap] * samples[at + tap];
    }
    return sum;
}

/** The filter at `numPhases` + 1 places between two samples; tap k is sample k - before + 1. */
function makeFilter(fromRate, toRate) {
    const scale = Math.min(fromRate, toRate) / fromRate;
    const numNeeded = toRate / greatestDivisor(fromRate, toRate);
    const numPhases = Math.min(numNeeded, MOST_PHASES);
    const before = Math.ceil(ZERO_CROSSINGS / scale) + 1;
    const length = 2 * before;
    const table = new Float64Array((numPhases + 1) * length);
    for (let phase = 0; phase <= numPhases; phase += 1) {
        for (let tap = 0; tap < length; tap += 1) {
            const distance = (phase / numPhases - (tap - before + 1)) * scale;
            table[phase * length + tap] = scale * kernel(distance);
        }
    }
    return { table, length, before, after: before + 1, numPhases, isExact: numPhases === numNeeded };
}

/** The interpolating kernel, `distance` in samples of the lower rate. */
function kernel(distance) {
    const share = distance / ZERO_CROSSINGS;
    if (Math.abs(share) >= 1) {
        return 0;
    }
    const angle = Math.PI * CUTOFF * distance;
    const sinc = angle === 0 ? 1 : Math.sin(angle) / angle;
    const window = bessel(KAISER_BETA * Math.sqrt(1 - share * share)) / bessel(KAISER_BETA);
    return CUTOFF * sinc * window;
}

/** Modified Bessel function of the first kind, order 0, by its power series. */
function bessel(x) {
    let term = 1;
    let sum = 1;
    for (let n = 1; term > 1e-17 * sum; n += 1) {
        term *= (x / 2 / n) ** 2;
        sum += term;
    }
    return sum;
}

function greatestDivisor(a, b) {
    return b === 0 ? a : greatestDivisor(b, a % b);
}

export function emptyChannels(numChannels, length) {
    return Array.from({ length: numChannels }, () => new Float32Array(length));
}

export function joined(first, second) {
    const both = new Float32Array(first.length + second.length);
    both.set(first);
    both.set(second, first.length);
    return both;
}
