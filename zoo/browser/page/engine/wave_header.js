/* The first bytes of a WAV file of 32-bit floats. */

export const HEADER_BYTES = 58;

/** Header of a file whose interleaved samples follow. */
export function waveHeader({ numSamples, numChannels, sampleRate }) {
    const frameBytes = 4 * numChannels;
    const dataBytes = numSamples * frameBytes;
    const view = new DataView(new ArrayBuffer(HEADER_BYTES));
    const text = (at, letters) => [...letters].forEach((c, i) => view.setUint8(at + i, c.charCodeAt(0)));
    text(0, "RIFF");
    view.setUint32(4, HEADER_BYTES - 8 + dataBytes, true);
    text(8, "WAVEfmt ");
    view.setUint32(16, 18, true);
    view.setUint16(20, 3, true); // IEEE float
    view.setUint16(22, numChannels, true);
    view.setUint32(24, sampleRate, true);
    view.setUint32(28, sampleRate * frameBytes, true);
    view.setUint16(32, frameBytes, true);
    view.setUint16(34, 32, true);
    view.setUint16(36, 0, true); // no extension of the format
    text(38, "fact");
    view.setUint32(42, 4, true);
    view.setUint32(46, numSamples, true);
    text(50, "data");
    view.setUint32(54, dataBytes, true);
    return new Uint8Array(view.buffer);
}

/** Channels as interleaved bytes. */
export function interleaved(channels) {
    const samples = new Float32Array(channels.length * channels[0].length);
    channels.forEach((channel, offset) => {
        for (let index = 0; index < channel.length; index += 1) {
            samples[index * channels.length + offset] = channel[index];
        }
    });
    return new Uint8Array(samples.buffer);
}
