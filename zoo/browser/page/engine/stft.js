/* The short-time Fourier transform and back, as blocks/stft.py computes it.

Periodic Hann window, centred frames, reflected edges, not normalised. A spectrogram is a
Float32Array (2 C, T, F): the real parts of all channels, then their imaginary parts. */

import { FFT, hannWindow } from "./fft.js";

export class Stft {
    constructor({ nFft, hopLength, numBins }) {
        Object.assign(this, { nFft, hopLength, numBins });
        this.fft = new FFT(nFft);
        this.window = hannWindow(nFft);
        this.re = new Float64Array(nFft);
        this.im = new Float64Array(nFft);
    }

    countFrames(numSamples) {
        return 1 + Math.floor(numSamples / this.hopLength);
    }

    /** Transform channels of more than nFft / 2 samples. */
    analyse(channels) {
        const { nFft, hopLength, numBins, re, im } = this;
        const numFrames = this.countFrames(channels[0].length);
        const plane = numFrames * numBins;
        const spectrogram = new Float32Array(2 * channels.length * plane);
        for (let channel = 0; channel < channels.length; channel += 2) {
            const pair = channels[channel + 1];
            for (let frame = 0; frame < numFrames; frame += 1) {
                const start = frame * hopLength - nFft / 2;
                this.cut(channels[channel], start, re);
                if (pair) {
                    this.cut(pair, start, im);
                } else {
                    im.fill(0);
                }
                this.fft.forward(re, im);
                const first = channel * plane + frame * numBins;
                const imaginary = channels.length * plane;
                for (let bin = 0; bin < numBins; bin += 1) {
                    const mirror = (nFft - bin) % nFft;
                    spectrogram[first + bin] = (re[bin] + re[mirror]) / 2;
                    spectrogram[first + imaginary + bin] = (im[bin] - im[mirror]) / 2;
                    if (pair) {
                        spectrogram[first + plane + bin] = (im[bin] + im[mirror]) / 2;
                        spectrogram[first + plane + imaginary + bin] = (re[mirror] - re[bin]) / 2;
                    }
                }
            }
        }
        return spectrogram;
    }

    /** Put a windowed frame into `target`; samples before the first and behind the last are mirrored. */
    cut(samples, start, target) {
        const last = samples.length - 1;
        for (let index = 0; index < this.nFft; index += 1) {
            let place = start + index;
            if (place < 0) {
                place = -place;
            } else if (place > last) {
                place = 2 * last - place;
            }
            target[index] = samples[place] * this.window[index];
        }
    }

    /** Transform a spectrogram of `numChannels` back to channels of `numSamples`. */
    synthesise(spectrogram, numChannels, numSamples) {
        const { nFft, hopLength, numBins } = this;
        const numFrames = spectrogram.length / (2 * numChannels * numBins);
        const total = nFft + hopLength * (numFrames - 1);
        const envelope = this.envelope(numFrames, total);
        const channels = [];
        for (let channel = 0; channel < numChannels; channel += 2) {
            const [first, second] = this.addFrames(spectrogram, numChannels, channel, numFrames, total);
            channels.push(trim(first, envelope, nFft / 2, numSamples));
            if (channel + 1 < numChannels) {
                channels.push(trim(second, envelope, nFft / 2, numSamples));
            }
        }
        return channels;
    }

    addFrames(spectrogram, numChannels, channel, numFrames, total) {
        const { nFft, hopLength, window, re, im } = this;
        const sums = [new Float64Array(total), new Float64Array(total)];
        for (let frame = 0; frame < numFrames; frame += 1) {
            this.spread(spectrogram, numChannels, channel, frame, numFrames);
            this.fft.inverse(re, im);
            const start = frame * hopLength;
            for (let index = 0; index < nFft; index += 1) {
                sums[0][start + index] += re[index] * window[index];
                sums[1][start + index] += im[index] * window[index];
            }
        }
        return sums;
    }

    /** Make the spectrum of (channel + i times the next one) from the halves of both. */
    spread(spectrogram, numChannels, channel, frame, numFrames) {
        const { nFft, numBins, re, im } = this;
        const plane = numFrames * numBins;
        const hasPair = channel + 1 < numChannels;
        const first = channel * plane + frame * numBins;
        const imaginary = numChannels * plane;
        re.fill(0);
        im.fill(0);
        for (let bin = 0; bin < numBins; bin += 1) {
            const isReal = bin === 0 || 2 * bin === nFft; // a real signal has no imaginary part here
            const a = spectrogram[first + bin];
            const b = isReal ? 0 : spectrogram[first + imaginary + bin];
            const c = hasPair ? spectrogram[first + plane + bin] : 0;
            const d = hasPair && !isReal ? spectrogram[first + plane + imaginary + bin] : 0;
            re[bin] = a - d;
            im[bin] = b + c;
            if (!isReal) {
                re[nFft - bin] = a + d;
                im[nFft - bin] = c - b;
            }
        }
    }

    /** Sum of the squared windows, by which overlapping frames are divided. */
    envelope(numFrames, total) {
        const sums = new Float64Array(total);
        for (let frame = 0; frame < numFrames; frame += 1) {
            const start = frame * this.hopLength;
            for (let index = 0; index < this.nFft; index += 1) {
                sums[start + index] += this.window[index] * this.window[index];
            }
        }
        return sums;
    }
}

function trim(sums, envelope, start, numSamples) {
    const samples = new Float32Array(numSamples);
    const end = Math.min(numSamples, sums.length - start);
    for (let index = 0; index < end; index += 1) {
        samples[index] = sums[start + index] / envelope[start + index];
    }
    return samples;
}
