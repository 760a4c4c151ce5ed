/* The fast Fourier transform of complex signals whose length is a power of two.

Stockham's form (radix 4, with one step of radix 2 where the power is odd): the result comes out in
order without a permutation. Two real signals are transformed at once as the parts of a complex one. */

export class FFT {
    /** Throws a RangeError for a size that is no power of two from 2 up. */
    constructor(size) {
        if (size < 2 || (size & (size - 1)) !== 0) {
            throw new RangeError("the transform needs a power of two, got " + size);
        }
        this.size = size;
        this.cos = new Float64Array(size);
        this.sin = new Float64Array(size);
        for (let index = 0; index < size; index += 1) {
            this.cos[index] = Math.cos((2 * Math.PI * index) / size);
            this.sin[index] = -Math.sin((2 * Math.PI * index) / size);
        }
        this.spareRe = new Float64Array(size);
        this.spareIm = new Float64Array(size);
    }

    /** Replace re + i im (Float64Arrays) by its transform, sum of x[n] exp(-2 pi i k n / size). */
    forward(re, im) {
        let [fromRe, fromIm, toRe, toIm] = [re, im, this.spareRe, this.spareIm];
        let length = this.size;
        let stride = 1;
        while (length >= 4) {
            this.combineFours(fromRe, fromIm, toRe, toIm, length / 4, stride);
            [fromRe, fromIm, toRe, toIm] = [toRe, toIm, fromRe, fromIm];
            length /= 4;
            stride *= 4;
        }
        if (length === 2) {
            combinePairs(fromRe, fromIm, toRe, toIm, stride);
            [fromRe, fromIm] = [toRe, toIm];
        }
        if (fromRe !== re) {
            re.set(fromRe);
            im.set(fromIm);
        }
    }

    /** Undo `forward`, in place. */
    inverse(re, im) {
        this.forward(im, re); // swapped parts turn the sign of the exponent round
        for (let index = 0; index < this.size; index += 1) {
            re[index] /= this.size;
            im[index] /= this.size;
        }
    }

    combineFours(fromRe, fromIm, toRe, toIm, quarter, stride) {
        const { cos, sin } = this;
        const step = stride * quarter;
        for (let p = 0; p < quarter; p += 1) {
            const [at1, at2, at3] = [p * stride, 2 * p * stride, 3 * p * stride];
            const [c1, s1, c2, s2, c3, s3] = [cos[at1], sin[at1], cos[at2], sin[at2], cos[at3], sin[at3]];
            for (let q = 0; q < stride; q += 1) {
                const a = q + stride * p;
                const [b, c, d] = [a + step, a + 2 * step, a + 3 * step];
                const sumRe = fromRe[a] + fromRe[c];
                const sumIm = fromIm[a] + fromIm[c];
                const lessRe = fromRe[a] - fromRe[c];
                const lessIm = fromIm[a] - fromIm[c];
                const otherRe = fromRe[b] + fromRe[d];
                const otherIm = fromIm[b] + fromIm[d];
                const turnedRe = fromIm[d] - fromIm[b]; // i (b - d)
                const turnedIm = fromRe[b] - fromRe[d];
                const to = q + stride * 4 * p;
                toRe[to] = sumRe + otherRe;
                toIm[to] = sumIm + otherIm;
                let re = lessRe - turnedRe;
                let im = lessIm - turnedIm;
                toRe[to + stride] = c1 * re - s1 * im;
                toIm[to + stride] = c1 * im + s1 * re;
                re = sumRe - otherRe;
                im = sumIm - otherIm;
                toRe[to + 2 * stride] = c2 * re - s2 * im;
                toIm[to + 2 * stride] = c2 * im + s2 * re;
                re = lessRe + turnedRe;
                im = lessIm + turnedIm;
                toRe[to + 3 * stride] = c3 * re - s3 * im;
                toIm[to + 3 * stride] = c3 * im + s3 * re;
            }
        }
    }
}

function combinePairs(fromRe, fromIm, toRe, toIm, stride) {
    for (let q = 0; q < stride; q += 1) {
        toRe[q] = fromRe[q] + fromRe[q + stride];
        toIm[q] = fromIm[q] + fromIm[q + stride];
        toRe[q + stride] = fromRe[q] - fromRe[q + stride];
        toIm[q + stride] = fromIm[q] - fromIm[q + stride];
    }
}

/** Hann window of `size` samples, periodic. */
export function hannWindow(size) {
    return Float64Array.from({ length: size }, (_, n) => 0.5 - 0.5 * Math.cos((2 * Math.PI * n) / size));
}
