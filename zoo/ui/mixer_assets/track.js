/* The decoded sound of one lane, and the nodes through which it is heard. */

/** `filled` of a lane whose whole file is there. */
const WHOLE = Infinity;

class Track {
    /** Outputs: `gain` for the lane itself, `inverse` for its part in the minus lane. */
    constructor(context, buffer, { url, filled, gain, inverse }) {
        this.context = context;
        this.buffer = buffer;
        this.url = url; // of the whole file, null where the sound came in pieces
        this.filled = filled; // frames from the start on that are there
        this.gain = gain;
        this.inverse = inverse;
        this.nodes = new Set();
    }

    /** Put a decoded piece into its place, from frame `start` up to `end`. */
    append(piece, start, end) {
        for (let channel = 0; channel < this.buffer.numberOfChannels; channel += 1) {
            this.buffer.copyToChannel(piece.getChannelData(channel), channel, start);
        }
        this.filled = end;
    }

    /** Play from frame `from` up to frame `to`, beginning at frame `at` of the context's time. */
    start(at, from, to, loop) {
        const rate = this.context.sampleRate;
        const end = Math.min(to, this.buffer.length);
        if (from >= end) {
            return;
        }
        const source = this.context.createBufferSource();
        source.buffer = this.buffer;
        source.connect(this.gain);
        source.connect(this.inverse);
        if (loop) {
            Object.assign(source, { loop: true, loopStart: loop.start, loopEnd: loop.end });
            source.start(at / rate, from / rate);
        } else {
            source.start(at / rate, from / rate, (end - from) / rate);
        }
        source.onended = () => this.release(source);
        this.nodes.add(source);
    }

    stop() {
        for (const source of [...this.nodes]) {
            source.stop();
            this.release(source);
        }
    }

    release(source) {
        source.onended = null;
        source.disconnect();
        this.nodes.delete(source);
    }

    disconnect() {
        this.stop();
        this.gain.disconnect();
        this.inverse.disconnect();
    }
}
