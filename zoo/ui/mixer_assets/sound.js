/* From the files of lanes to decoded sound in the tracks of a playback. */

function makeContext(sampleRate) {
    try {
        return new AudioContext({ latencyHint: "interactive", sampleRate });
    } catch (error) {
        if (error.name !== "NotSupportedError") {
            throw error;
        }
        return new AudioContext({ latencyHint: "interactive" });
    }
}

function hasAudioWorklet() {
    return typeof AudioWorkletNode !== "undefined" && window.isSecureContext;
}

let lastTurn = Promise.resolve();

/** Do something after all that came in turn before it. */
function inTurn(work) {
    const turn = lastTurn.then(work);
    lastTurn = turn.catch(() => {});
    return turn;
}

async function fetchSound(context, url, gain) {
    const answer = await fetch(url);
    if (!answer.ok) {
        throw new Error(wording("mixer.sound_gone", { status: answer.status }));
    }
    const buffer = await context.decodeAudioData(await answer.arrayBuffer());
    if (gain !== 1) {
        for (let channel = 0; channel < buffer.numberOfChannels; channel += 1) {
            const samples = buffer.getChannelData(channel);
            for (let index = 0; index < samples.length; index += 1) {
                samples[index] *= gain;
            }
        }
    }
    return buffer;
}

/** Fetch what a lane has and its track has not: the whole file, [{buffer, url}], or pieces of it,
[{buffer, start, end}] with their first frame and the frame after their last. */
async function fetchMissing(playback, lane) {
    const { context } = playback;
    const known = playback.tracks.get(lane.name);
    if (!lane.url) {
        const filled = known ? known.filled : 0;
        const missing = lane.pieces.filter((piece) => playback.frames(piece.start) >= filled);
        return Promise.all(
            missing.map(async (piece) => ({
                buffer: await fetchSound(context, piece.url, piece.gain),
                start: playback.frames(piece.start),
                end: playback.frames(piece.start + piece.seconds),
            })),
        );
    }
    if (known && known.url === null && known.filled >= playback.frames(playback.duration)) {
        // All pieces are there, and together they are what the whole file holds.
        Object.assign(known, { url: lane.url, filled: WHOLE });
    }
    if (known && known.url === lane.url) {
        return [];
    }
    const load = () => fetchSound(context, lane.url, lane.gain);
    // Sound that lies here already is decoded lane by lane, because meanwhile it takes twice its size.
    const buffer = lane.url.startsWith("blob:") ? await inTurn(load) : await load();
    return [{ buffer, url: lane.url }];
}

/** Put the fetched sounds of a lane into its track; returns [{track, start}], where the new begins. */
function placeSounds(playback, lane, sounds) {
    if (!sounds.length) {
        return [];
    }
    const [first] = sounds;
    if (first.url) {
        playback.discard(lane.name);
        return [{ track: playback.addTrack(lane.name, first.buffer, first.url, WHOLE), start: 0 }];
    }
    let track = playback.tracks.get(lane.name);
    if (!track) {
        const length = playback.frames(playback.duration) + 1;
        const { numberOfChannels, sampleRate } = first.buffer;
        const buffer = playback.context.createBuffer(numberOfChannels, length, sampleRate);
        track = playback.addTrack(lane.name, buffer, null, 0);
    }
    sounds.forEach((sound) => track.append(sound.buffer, sound.start, sound.end));
    return [{ track, start: first.start }];
}
