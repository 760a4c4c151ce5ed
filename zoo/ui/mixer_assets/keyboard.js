/* The mixer by keyboard. */

const SEEK_SECONDS = 5;
const SPEED_STEP = 0.05;

function handleKey(mixer, event) {
    const typing = event.target.matches("input, select, textarea");
    const onButton = event.target.matches("button, a, summary");
    const digit = /^Digit([1-9])$/.exec(event.code);
    const step = event.shiftKey ? 1 : SEEK_SECONDS;
    const actions = {
        ArrowLeft: () => mixer.seek(mixer.playback.position() - step),
        ArrowRight: () => mixer.seek(mixer.playback.position() + step),
        Home: () => mixer.seek(0),
        End: () => mixer.seek(mixer.state.seconds),
        Escape: () => mixer.timeline.setLoop(null),
        "+": () => mixer.zoom(2),
        "-": () => mixer.zoom(0.5),
        l: () => mixer.toggleLoop(),
        a: () => mixer.comparison.toggle(),
        "[": () => mixer.tempo.set({ speed: mixer.tempo.speed - SPEED_STEP }),
        "]": () => mixer.tempo.set({ speed: mixer.tempo.speed + SPEED_STEP }),
        ",": () => mixer.tempo.set({ semitones: mixer.tempo.semitones - 1 }),
        ".": () => mixer.tempo.set({ semitones: mixer.tempo.semitones + 1 }),
        t: () => mixer.beats.tap(),
        b: () => mixer.beats.nextSnap(),
        c: () => mixer.beats.toggleClick(),
        k: () => mixer.beats.toggleCountIn(),
        n: () => skipSilence(mixer, laneForKey(mixer, event.target), 1),
        p: () => skipSilence(mixer, laneForKey(mixer, event.target), -1),
    };
    if (typing || !mixer.state || event.ctrlKey || event.metaKey || event.altKey) {
        return;
    }
    if (event.key === " " && !onButton) {
        mixer.toggle();
    } else if (digit) {
        const lane = [...mixer.lanes.values()][Number(digit[1]) - 1];
        if (!lane) {
            return;
        }
        lane.set(event.shiftKey ? { soloed: !lane.soloed } : { muted: !lane.muted });
    } else if (actions[event.key]) {
        actions[event.key]();
    } else {
        return;
    }
    event.preventDefault();
}
