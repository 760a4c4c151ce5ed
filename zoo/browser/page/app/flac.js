/* Stems as 24-bit FLAC files, by Mediabunny and its build of libFLAC. */

const RATES = [8000, 16000, 22050, 24000, 32000, 44100, 48000, 88200, 96000, 176400, 192000];

/** Whether the encoder takes such a rate. */
export function canBeFlac(sampleRate) {
    return RATES.includes(sampleRate);
}

/** Resolve to a FLAC file of successive sounds: Blobs of interleaved 32-bit floats.

`gain` brings them below full scale; `modules` are the addresses of Mediabunny and of its encoder. */
export async function flacBlob(sounds, { numChannels, sampleRate, gain, modules }) {
    const [media, { registerFlacEncoder }] = await Promise.all([import(modules.media), import(modules.flac)]);
    if (!(await media.canEncodeAudio("flac"))) {
        registerFlacEncoder();
    }
    const target = new media.BufferTarget();
    const output = new media.Output({ format: new media.FlacOutputFormat(), target });
    const track = new media.AudioSampleSource({ codec: "flac" });
    output.addAudioTrack(track);
    await output.start();
    let numWritten = 0;
    for (const sound of sounds) {
        const data = new Float32Array(await sound.arrayBuffer()).map((value) => value * gain);
        const timestamp = numWritten / sampleRate;
        const sample = new media.AudioSample({
            data,
            format: "f32",
            numberOfChannels: numChannels,
            sampleRate,
            timestamp,
        });
        await track.add(sample);
        sample.close();
        numWritten += data.length / numChannels;
    }
    await output.finalize();
    return new Blob([target.buffer], { type: "audio/flac" });
}
