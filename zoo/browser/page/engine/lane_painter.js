/* The pictures of the mixer's lanes, as zoo/ui/lane_picture.py draws them for the app.

A spectrogram in 128 bands of equal width in octaves, and an outline of peaks, both measured block by
block in flat memory. */

import { FFT, hannWindow } from "./fft.js";
import { joined } from "./resampler.js";

const WINDOW = 4096;
const ROWS = 128;
const BOTTOM_HZ = 40;
const TOP_HZ = 16000;
const FLOOR_POWER = 1e-12;
const COLUMNS_PER_SECOND = 60;
const FEWEST_COLUMNS = 600;
const MOST_COLUMNS = 3000;
const OUTLINE_POINTS = 400;
const DYNAMIC_RANGE_DB = 72;

export class LanePainter {
    constructor({ numSamples, numChannels, sampleRate }) {
        this.numSamples = numSamples;
        const wanted = Math.trunc((COLUMNS_PER_SECOND * numSamples) / sampleRate);
        const between = Math.min(Math.max(wanted, FEWEST_COLUMNS), MOST_COLUMNS);
        this.numColumns = Math.max(between, Math.ceil(numSamples / WINDOW));
        this.edges = bandEdges(sampleRate);
        this.fft = new FFT(WINDOW);
        this.window = hannWindow(WINDOW);
        this.fullScale = (this.window.reduce((sum, value) => sum + value, 0) / 2) ** 2;
        this.power = new Float32Array(this.numColumns * ROWS);
        this.numDone = 0;
        this.numHeard = 0;
        // The end of what was pushed; its first sample is number tailStart of the lane.
        this.tail = Array.from({ length: numChannels }, () => new Float32Array(WINDOW / 2));
        this.tailStart = -WINDOW / 2;
        this.outline = new Array(Math.min(OUTLINE_POINTS, numSamples)).fill(0);
    }

    /** The sample in the middle of a column. */
    center(column) {
        return Math.trunc((column * Math.max(this.numSamples - 1, 0)) / (this.numColumns - 1));
    }

    push(block) {
        this.tail = this.tail.map((kept, channel) => joined(kept, block[channel]));
        this.pushOutline(block);
        this.numHeard += block[0].length;
        while (this.numDone < this.numColumns && this.center(this.numDone) + WINDOW / 2 <= this.numHeard) {
            this.measure(this.numDone, this.tail);
            this.numDone += 1;
        }
        const next = this.numDone < this.numColumns ? this.center(this.numDone) : this.numHeard;
        const numPast = Math.min(next - WINDOW / 2, this.numHeard) - this.tailStart;
        if (numPast > 0) {
            this.tail = this.tail.map((samples) => samples.slice(numPast));
            this.tailStart += numPast;
        }
    }

    pushOutline(block) {
        const points = this.outline.length;
        for (let index = 0; index < block[0].length; index += 1) {
            const point = Math.floor(((this.numHeard + index) * points) / this.numSamples);
            for (const samples of block) {
                const peak = Math.abs(samples[index]);
                if (peak > this.outline[point]) {
                    this.outline[point] = peak;
                }
            }
        }
    }

    /** Levels in dB by column, lowest band first; what was not pushed counts as silence. */
    levels(first = 0, end = this.numColumns) {
        const padded = this.tail.map((samples) => joined(samples, new Float32Array(WINDOW)));
        for (let column = Math.max(first, this.numDone); column < end; column += 1) {
            const isReached = this.center(column) + WINDOW / 2 <= this.tailStart + padded[0].length;
            if (isReached) {
                this.measure(column, padded);
            }
        }
        const power = this.power.subarray(first * ROWS, end * ROWS);
        return power.map((value) => 10 * Math.log10(Math.max(value / this.fullScale, FLOOR_POWER)));
    }

    /** First column of a stretch of samples and the one after its last; one column at least. */
    columnsBetween(start, end) {
        const first = Math.min(this.firstColumnFrom(start), this.numColumns - 1);
        return [first, Math.max(this.firstColumnFrom(end), first + 1)];
    }

    firstColumnFrom(sample) {
        let column = Math.floor((sample * (this.numColumns - 1)) / Math.max(this.numSamples - 1, 1));
        column = Math.min(Math.max(column - 1, 0), this.numColumns);
        while (column < this.numColumns && this.center(column) < sample) {
            column += 1;
        }
        return column;
    }

    /** Put the mean power of every band around a column's middle into `power`. */
    measure(column, samples) {
        const start = this.center(column) - WINDOW / 2 - this.tailStart;
        const sums = new Float64Array(WINDOW / 2 + 2); // of the power of all bins below
        for (let channel = 0; channel < samples.length; channel += 2) {
            this.addPower(samples[channel], samples[channel + 1], start, sums);
        }
        for (let bin = 1; bin < sums.length; bin += 1) {
            sums[bin] += sums[bin - 1];
        }
        const sumTo = (edge) => {
            const place = Math.min(edge + 0.5, WINDOW / 2 + 1);
            const whole = Math.min(Math.floor(place), WINDOW / 2);
            return sums[whole] + (place - whole) * (sums[whole + 1] - sums[whole]);
        };
        for (let row = 0; row < ROWS; row += 1) {
            const [low, high] = [this.edges[row], this.edges[row + 1]];
            this.power[column * ROWS + row] = (sumTo(high) - sumTo(low)) / (high - low);
        }
    }

    /** Add the power of one or two channels, bin by bin, to sums[1...]. */
    addPower(first, second, start, sums) {
        const re = new Float64Array(WINDOW);
        const im = new Float64Array(WINDOW);
        for (let index = 0; index < WINDOW; index += 1) {
            re[index] = first[start + index] * this.window[index];
            im[index] = second ? second[start + index] * this.window[index] : 0;
        }
        this.fft.forward(re, im);
        for (let bin = 0; bin <= WINDOW / 2; bin += 1) {
            const mirror = (WINDOW - bin) % WINDOW;
            const both = re[bin] ** 2 + im[bin] ** 2 + re[mirror] ** 2 + im[mirror] ** 2;
            sums[bin + 1] += both / 2;
        }
    }
}

/** The level that is drawn brightest: reached by one value in a thousand. */
export function referenceLevel(levels) {
    const sorted = levels.slice().sort();
    return sorted[Math.floor(0.999 * (sorted.length - 1))];
}

/** Draw levels (by column, lowest band first) in a colour, as a PNG. */
export function drawLevels(levels, { color, topDecibels }) {
    const numColumns = levels.length / ROWS;
    const canvas = new OffscreenCanvas(numColumns, ROWS);
    const pen = canvas.getContext("2d");
    const image = pen.createImageData(numColumns, ROWS);
    const colors = palette(color);
    for (let column = 0; column < numColumns; column += 1) {
        for (let row = 0; row < ROWS; row += 1) {
            const share = 1 + (levels[column * ROWS + row] - topDecibels) / DYNAMIC_RANGE_DB;
            const shade = Math.trunc(Math.min(Math.max(share, 0), 1) * 255);
            const at = 4 * ((ROWS - 1 - row) * numColumns + column);
            image.data.set(colors[shade], at);
        }
    }
    pen.putImageData(image, 0, 0);
    return canvas.convertToBlob({ type: "image/png" });
}

function bandEdges(sampleRate) {
    const lowest = Math.min(BOTTOM_HZ, sampleRate / 8);
    const ratio = Math.min(TOP_HZ, sampleRate / 2) / lowest;
    return Array.from({ length: ROWS + 1 }, (_, i) => (lowest * ratio ** (i / ROWS) * WINDOW) / sampleRate);
}

/** 256 colours from black over the hue to pale. */
function palette(color) {
    const hue = [1, 3, 5].map((at) => Number.parseInt(color.slice(at, at + 2), 16));
    const stops = [0, 0.3, 0.72, 1];
    const values = hue.map((part, index) => [[9, 10, 18][index], 0.28 * part + 6, part, 0.2 * part + 204]);
    return Array.from({ length: 256 }, (_, shade) => {
        const place = shade / 255;
        const above = Math.max(
            1,
            stops.findIndex((stop) => stop >= place),
        );
        const share = (place - stops[above - 1]) / (stops[above] - stops[above - 1]);
        return [...values.map((v) => Math.round(v[above - 1] + share * (v[above] - v[above - 1]))), 255];
    });
}
