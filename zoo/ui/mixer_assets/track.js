/* The decoded sound of one lane, and the nodes that play it. */

/** `filled` of a lane whose whole file is there. */
const WHOLE = Infinity;

class Track {
    /** `output` is the node that the sound goes to. */
    constructor(context, buffer, { url, filled, output }) {
        this.context = context;
        this.buffer = buffer;
        this.url = url; // of the whole file, null where the sound came in pieces
        this.filled = filled; // frames from the start on that are there
        this.output = output;
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
    start(at, from, to, { speed = 1, loop = null }) {
        const rate = this.context.sampleRate;
        const end = Math.min(to, Math.round(this.buffer.duration * rate)); // its own rate may be another
        if (from >= end) {
            return;
        }
        const source = this.context.createBufferSource();
        source.buffer = this.buffer;
        source.playbackRate.value = speed;
        source.connect(this.output);
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
}
