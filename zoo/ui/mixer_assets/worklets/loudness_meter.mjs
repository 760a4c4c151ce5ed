/* Loudness and true peak of two channels by ITU-R BS.1770-4, in an AudioWorklet.

Annex 1: K-weighting, mean squares of blocks of 400 ms every 100 ms, an absolute gate at -70 LUFS and a
relative one 10 LU below the mean of what passes it. Short-term is the last 3 s without a gate
(EBU Tech 3341). Annex 2: true peak from four times as many samples. All sums have a fixed size. */

const HOPS_PER_SECOND = 10;
const HOPS_PER_BLOCK = 4;
const HOPS_PER_SHORT_TERM = 30;
// -0.691 + 10 lg makes a sine of 997 Hz at full scale in one channel -3.01 LUFS.
const OFFSET = -0.691;
const ABSOLUTE_GATE = -70;
const RELATIVE_GATE = -10;
// Blocks of one loudness to a tenth of an LU are summed up together: the mean stays exact, the
// relative gate falls between two tenths.
const BINS_PER_LU = 10;
const LOUDEST = 30;

function loudness(power) {
    return power > 0 ? OFFSET + 10 * Math.log10(power) : -Infinity;
}

/** The two filters of K-weighting at any sample rate.

The standard gives coefficients for 48 kHz; these are of the analogue filters behind them, by the
bilinear transform, as in libebur128 (filter.c) and pyloudnorm. They give the standard's at 48 kHz.
Returns [{b, a}] with b of three and a of the last two coefficients. */
function kWeighting(sampleRate) {
    const shelf = () => {
        const k = Math.tan((Math.PI * 1681.974450955533) / sampleRate);
        const q = 0.7071752369554196;
        const high = 10 ** (3.999843853973347 / 20);
        const band = high ** 0.4996667741545416;
        const a0 = 1 + k / q + k * k;
        return {
            b: [(high + (band * k) / q + k * k) / a0, (2 * (k * k - high)) / a0, (high - (band * k) / q + k * k) / a0],
            a: [(2 * (k * k - 1)) / a0, (1 - k / q + k * k) / a0],
        };
    };
    const highPass = () => {
        const k = Math.tan((Math.PI * 38.13547087602444) / sampleRate);
        const q = 0.5003270373238773;
        const a0 = 1 + k / q + k * k;
        return { b: [1, -2, 1], a: [(2 * (k * k - 1)) / a0, (1 - k / q + k * k) / a0] };
    };
    return [shelf(), highPass()];
}

/** A filter of second order in transposed direct form II. */
class Biquad {
    constructor({ b, a }) {
        [this.b0, this.b1, this.b2] = b;
        [this.a1, this.a2] = a;
        this.first = 0;
        this.second = 0;
    }

    next(sample) {
        const result = this.b0 * sample + this.first;
        this.first = this.b1 * sample - this.a1 * result + this.second;
        this.second = this.b2 * sample - this.a2 * result;
        return result;
    }

    /** Forget the rest of a sound long ago: numbers so small make processors slow. */
    settle() {
        if (Math.abs(this.first) + Math.abs(this.second) < 1e-30) {
            [this.first, this.second] = [0, 0];
        }
    }
}

/** The mean square of a K-weighted channel, hop by hop. */
class WeightedChannel {
    constructor(sampleRate) {
        this.filters = kWeighting(sampleRate).map((coefficients) => new Biquad(coefficients));
        this.sum = 0;
    }

    add(sample) {
        const [shelf, highPass] = this.filters;
        const weighted = highPass.next(shelf.next(sample));
        this.sum += weighted * weighted;
    }

    takeSum() {
        const { sum } = this;
        this.sum = 0;
        this.filters.forEach((filter) => filter.settle());
        return sum;
    }
}

/** Loudness from the powers of successive hops. */
class Loudness {
    constructor() {
        this.hops = new Float64Array(HOPS_PER_SHORT_TERM);
        this.numHops = 0;
        const numBins = (LOUDEST - ABSOLUTE_GATE) * BINS_PER_LU;
        this.counts = new Float64Array(numBins);
        this.powers = new Float64Array(numBins);
    }

    addHop(power) {
        this.hops[this.numHops % HOPS_PER_SHORT_TERM] = power;
        this.numHops += 1;
        const block = this.meanOfLast(HOPS_PER_BLOCK);
        const level = loudness(block);
        if (this.numHops >= HOPS_PER_BLOCK && level > ABSOLUTE_GATE) {
            const bin = Math.floor((level - ABSOLUTE_GATE) * BINS_PER_LU);
            const place = Math.min(bin, this.counts.length - 1);
            this.counts[place] += 1;
            this.powers[place] += block;
        }
    }

    /** Mean power of the last hops, of those that there are. */
    meanOfLast(wanted) {
        const num = Math.min(wanted, this.numHops);
        let sum = 0;
        for (let back = 1; back <= num; back += 1) {
            sum += this.hops[(this.numHops - back) % HOPS_PER_SHORT_TERM];
        }
        return num ? sum / num : 0;
    }

    get shortTerm() {
        return this.numHops >= HOPS_PER_SHORT_TERM ? loudness(this.meanOfLast(HOPS_PER_SHORT_TERM)) : -Infinity;
    }

    get integrated() {
        const gate = loudness(this.meanFrom(0)) + RELATIVE_GATE;
        return loudness(this.meanFrom(Math.max(0, Math.floor((gate - ABSOLUTE_GATE) * BINS_PER_LU))));
    }

    /** Mean power of the blocks in a bin and above it. */
    meanFrom(bin) {
        let [count, power] = [0, 0];
        for (let index = bin; index < this.counts.length; index += 1) {
            count += this.counts[index];
            power += this.powers[index];
        }
        return count ? power / count : 0;
    }
}

// Annex 2, table 1: an interpolating filter of 48 coefficients in four phases; the other two phases
// are these two turned round.
const PHASES = [
    [
        0.001708984375, 0.010986328125, -0.0196533203125, 0.033203125, -0.0594482421875, 0.1373291015625,
        0.97216796875, -0.102294921875, 0.047607421875, -0.026611328125, 0.014892578125, -0.00830078125,
    ],
    [
        -0.0291748046875, 0.029296875, -0.0517578125, 0.089111328125, -0.16650390625, 0.465087890625,
        0.77978515625, -0.2003173828125, 0.1015625, -0.0582275390625, 0.0330810546875, -0.0189208984375,
    ],
];
const NUM_TAPS = PHASES[0].length;

/** The highest absolute value of a channel, between its samples too. */
class TruePeak {
    constructor() {
        this.recent = new Float64Array(NUM_TAPS); // a ring
        this.next = 0;
        this.highest = 0;
    }

    add(sample) {
        this.recent[this.next] = sample;
        this.next = (this.next + 1) % NUM_TAPS;
        let highest = Math.max(this.highest, Math.abs(sample));
        for (const phase of PHASES) {
            let [forth, back] = [0, 0];
            for (let tap = 0, place = this.next; tap < NUM_TAPS; tap += 1) {
                forth += phase[tap] * this.recent[place];
                back += phase[NUM_TAPS - 1 - tap] * this.recent[place];
                place = place + 1 === NUM_TAPS ? 0 : place + 1;
            }
            highest = Math.max(highest, Math.abs(forth), Math.abs(back));
        }
        this.highest = highest;
    }
}

/** Posts {shortTerm, integrated} in LUFS and {truePeak} in dBTP every tenth of a second.

With processorOptions {frames} it measures just so many and posts once, and no true peak. The message
"reset" begins anew. */
class LoudnessMeter extends AudioWorkletProcessor {
    constructor({ processorOptions }) {
        super();
        this.frames = (processorOptions && processorOptions.frames) || Infinity;
        this.hopFrames = Math.round(sampleRate / HOPS_PER_SECOND);
        this.reset();
        this.port.onmessage = () => this.reset();
    }

    reset() {
        this.weighted = [new WeightedChannel(sampleRate), new WeightedChannel(sampleRate)];
        this.peaks = this.frames === Infinity ? [new TruePeak(), new TruePeak()] : [];
        this.loudness = new Loudness();
        this.numFrames = 0;
    }

    process([channels], [[output]]) {
        for (let frame = 0; frame < output.length && this.numFrames < this.frames; frame += 1) {
            for (let index = 0; index < 2; index += 1) {
                const sample = channels.length ? channels[index][frame] : 0;
                this.weighted[index].add(sample);
                if (this.peaks.length) {
                    this.peaks[index].add(sample);
                }
            }
            this.numFrames += 1;
            if (this.numFrames % this.hopFrames === 0) {
                const sum = this.weighted.reduce((total, channel) => total + channel.takeSum(), 0);
                this.loudness.addHop(sum / this.hopFrames);
                if (this.frames === Infinity) {
                    this.report();
                }
            }
            if (this.numFrames === this.frames) {
                this.report();
            }
        }
        return this.numFrames < this.frames;
    }

    report() {
        const { shortTerm, integrated } = this.loudness;
        const truePeak = 20 * Math.log10(Math.max(...this.peaks.map((peak) => peak.highest), 0));
        this.port.postMessage({ shortTerm, integrated, truePeak });
    }
}

registerProcessor("loudness-meter", LoudnessMeter);
