/* Digital silence in gives digital silence out, as zoo/separation/silence.py. */

import { joined } from "./resampler.js";

/** Sets estimates to zero where the mixture is digitally silent.

A run of at least `minSamples` zeros in all channels counts as silence; runs at the ends of the
signal always count. At most `minSamples` samples wait for the next block. */
export class SilenceMuter {
    constructor(minSamples) {
        this.minSamples = minSamples;
        this.held = null;
        this.isSilentBefore = true;
    }

    /** Take a block {mixture, estimates} (arrays of channels) and return the part that is decided. */
    push({ mixture, estimates }) {
        if (this.held) {
            mixture = mixture.map((samples, channel) => joined(this.held.mixture[channel], samples));
            estimates = estimates.map((samples, row) => joined(this.held.estimates[row], samples));
        }
        const length = mixture[0].length;
        const numTrailing = countTrailingZeros(mixture);
        const isAllZero = numTrailing === length;
        const isSilentAfter = numTrailing >= this.minSamples || (isAllZero && this.isSilentBefore);
        const numDecided = length - (isSilentAfter ? 0 : numTrailing);
        const decided = cut({ mixture, estimates }, 0, numDecided);
        this.mute(decided, isSilentAfter);
        if (numDecided) {
            this.isSilentBefore = isSilentAfter && numTrailing > 0;
        }
        this.held = cut({ mixture, estimates }, numDecided, length);
        return decided;
    }

    /** Return the rest, which is silent. */
    finish() {
        const rest = this.held || { mixture: [new Float32Array(0)], estimates: [] };
        rest.estimates.forEach((samples) => samples.fill(0));
        return rest;
    }

    mute({ mixture, estimates }, isSilentAfter) {
        const length = mixture[0].length;
        let start = 0;
        while (start < length) {
            if (!isZeroAt(mixture, start)) {
                start += 1;
                continue;
            }
            let end = start + 1;
            while (end < length && isZeroAt(mixture, end)) {
                end += 1;
            }
            const touches = (start === 0 && this.isSilentBefore) || (end === length && isSilentAfter);
            if (touches || end - start >= this.minSamples) {
                estimates.forEach((samples) => samples.fill(0, start, end));
            }
            start = end;
        }
    }
}

/** Whether all samples of all channels are zero. */
export function isSilent(channels) {
    return channels.every((samples) => samples.every((sample) => sample === 0));
}

function isZeroAt(channels, index) {
    return channels.every((samples) => samples[index] === 0);
}

function countTrailingZeros(channels) {
    let index = channels[0].length;
    while (index > 0 && isZeroAt(channels, index - 1)) {
        index -= 1;
    }
    return channels[0].length - index;
}

function cut({ mixture, estimates }, start, end) {
    const part = (samples) => samples.slice(start, end);
    return { mixture: mixture.map(part), estimates: estimates.map(part) };
}
