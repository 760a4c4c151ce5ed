/* An AudioBuffer as a 24-bit WAV file. */

const WAV_HEADER_BYTES = 44;

/** Returns {blob, gain}: the gain is 1 unless the mix is above full scale, then it fits the peak. */
function writeWave(buffer) {
    const channels = [];
    for (let index = 0; index < buffer.numberOfChannels; index += 1) {
        channels.push(buffer.getChannelData(index));
    }
    let peak = 0;
    for (const samples of channels) {
        for (const sample of samples) {
            peak = Math.max(peak, Math.abs(sample));
        }
    }
    const gain = peak > 1 ? 1 / peak : 1;
    const frameBytes = channels.length * 3;
    const dataBytes = buffer.length * frameBytes;
    const view = new DataView(new ArrayBuffer(WAV_HEADER_BYTES + dataBytes));
    const text = (at, letters) => [...letters].forEach((c, i) => view.setUint8(at + i, c.charCodeAt(0)));
    text(0, "RIFF");
    view.setUint32(4, WAV_HEADER_BYTES - 8 + dataBytes, true);
    text(8, "WAVEfmt ");
    view.setUint32(16, 16, true);
    view.setUint16(20, 1, true);
    view.setUint16(22, channels.length, true);
    view.setUint32(24, buffer.sampleRate, true);
    view.setUint32(28, buffer.sampleRate * frameBytes, true);
    view.setUint16(32, frameBytes, true);
    view.setUint16(34, 24, true);
    text(36, "data");
    view.setUint32(40, dataBytes, true);
    let at = WAV_HEADER_BYTES;
    for (let frame = 0; frame < buffer.length; frame += 1) {
        for (const samples of channels) {
            const value = Math.round(Math.min(Math.max(samples[frame] * gain, -1), 1) * 8388607);
            view.setUint16(at, value & 0xffff, true);
            view.setInt8(at + 2, value >> 16);
            at += 3;
        }
    }
    return { blob: new Blob([view], { type: "audio/wav" }), gain };
}
