/* How lanes become the mix: the same nodes for what is heard, saved and measured.

A mix is data: {lanes: {name: {level, pan}}, original, chosen}. A level is a factor, a pan is in -1..1.
The lane "minus" is the lane `original` less the lanes whose names the Set `chosen` holds.

    lane's input -> direct (its level and pan) ------------> master
                 -> inverse (sign, level and pan of minus) -> minus bus -> master */

// Time constant of all fades: a gain has gone 95 percent of its way in 15 ms.
const FADE_SECONDS = 0.005;

/** Bring a parameter of a node to a value: by a fade, or at once where there is no sound yet. */
function moveTo(parameter, value, context) {
    if (context instanceof OfflineAudioContext) {
        parameter.value = value;
    } else {
        parameter.setTargetAtTime(value, context.currentTime, FADE_SECONDS);
    }
}

/** A gain and a panner, one after the other.

Stereo keeps its image in the centre, and a pan folds one side into the other (StereoPannerNode).
Mono is panned at equal power, and in the centre it sounds on both sides as loud as it is. */
class Send {
    constructor(context, channels) {
        this.context = context;
        this.gain = context.createGain();
        this.gain.gain.value = 0;
        this.panner = context.createStereoPanner();
        this.output = this.gain.connect(this.panner);
        if (channels === 1) {
            // The panner gives cos(45 degrees) to both sides in the centre.
            const whole = context.createGain();
            whole.gain.value = Math.SQRT2;
            this.output = this.panner.connect(whole);
        }
    }

    set(level, pan) {
        moveTo(this.gain.gain, level, this.context);
        moveTo(this.panner.pan, pan, this.context);
    }
}

class MixGraph {
    constructor(context) {
        this.context = context;
        this.lanes = new Map(); // by name: {input, direct, inverse}
        this.master = context.createGain();
        this.minusBus = context.createGain();
        this.minusBus.connect(this.master);
    }

    /** Add a lane; returns its node for sound of so many channels. */
    addLane(name, channels) {
        const input = this.context.createGain();
        const [direct, inverse] = [new Send(this.context, channels), new Send(this.context, channels)];
        input.connect(direct.gain);
        input.connect(inverse.gain);
        direct.output.connect(this.master);
        inverse.output.connect(this.minusBus);
        this.lanes.set(name, { input, direct, inverse });
        return input;
    }

    removeLane(name) {
        const { input, direct, inverse } = this.lanes.get(name);
        [input, direct.output, inverse.output].forEach((node) => node.disconnect());
        this.lanes.delete(name);
    }

    /** Let the lanes sound as a mix says. */
    apply(mix) {
        for (const [name, { direct, inverse }] of this.lanes) {
            const { level, pan } = partOf(mix, name);
            direct.set(level, pan);
            const minus = partOf(mix, "minus");
            inverse.set(minusSign(mix, name) * minus.level, minus.pan);
        }
    }

    setVolume(level) {
        moveTo(this.master.gain, level, this.context);
    }
}

function partOf(mix, name) {
    return mix.lanes[name] || { level: 0, pan: 0 };
}

/** With which sign a lane goes into the lane "minus"; 0 where it does not. */
function minusSign(mix, name) {
    return name === mix.original ? 1 : mix.chosen.has(name) ? -1 : 0;
}

/** Whether a mix needs the sound of a lane. */
function needsLane(mix, name) {
    return partOf(mix, name).level > 0 || (partOf(mix, "minus").level > 0 && minusSign(mix, name) !== 0);
}

/** Schedule the whole song in the graph of an offline context, as a mix says. */
function scheduleMix(graph, tracks, mix, speed) {
    for (const [name, { buffer }] of tracks) {
        if (needsLane(mix, name)) {
            const source = graph.context.createBufferSource();
            source.buffer = buffer;
            source.playbackRate.value = speed;
            source.connect(graph.addLane(name, buffer.numberOfChannels));
            source.start(0);
        }
    }
    graph.apply(mix);
}
