/* The lane that plays the original minus the chosen stems; the server knows nothing of it. */

const OUTLINE_POINTS = 600;

/** Add the lane where there is an original and something to take away from it. */
function withMinusLane(mixer, lanes) {
    if (!mixer.original || !mixer.stems.length || lanes.some((lane) => lane.kind === "rest")) {
        return lanes;
    }
    const minus = { name: "minus", kind: "minus", source: "", title: "All but\u2026", on: false };
    return [...lanes, { ...minus, outline: mixer.minusOutline || [] }];
}

/** Show a switch for every stem: pressed means taken away. */
function showChips(mixer) {
    const minus = mixer.lanes.get("minus");
    if (!minus) {
        return;
    }
    const chips = mixer.stems.map((stem) => {
        const chip = document.createElement("button");
        chip.type = "button";
        chip.textContent = "\u2212 " + stem.title;
        chip.dataset.source = stem.source;
        chip.setAttribute("aria-pressed", String(mixer.chosen.has(stem.name)));
        chip.addEventListener("click", (event) => {
            event.stopPropagation();
            if (!mixer.chosen.delete(stem.name)) {
                mixer.chosen.add(stem.name);
            }
            mixer.minusChanged();
        });
        return chip;
    });
    minus.find(".chips").replaceChildren(...chips);
}

/** Draw what is left, from the decoded sound. */
function drawMinus(mixer) {
    const minus = mixer.lanes.get("minus");
    const track = mixer.original && mixer.playback.tracks.get(mixer.original.name);
    if (!minus || !track) {
        return;
    }
    const stems = [...mixer.chosen].map((name) => mixer.playback.tracks.get(name)).filter(Boolean);
    const read = (known) => known.buffer.getChannelData(0);
    const original = read(track);
    const reach = Math.min(original.length, ...stems.map((stem) => stem.filled));
    const step = Math.max(1, Math.floor(original.length / OUTLINE_POINTS));
    const hop = Math.max(1, Math.floor(step / 64));
    const peaks = [];
    for (let from = 0; from + step <= original.length; from += step) {
        let peak = 0;
        for (let index = from; index < Math.min(from + step, reach); index += hop) {
            const taken = stems.reduce((sum, stem) => sum + (read(stem)[index] || 0), 0);
            peak = Math.max(peak, Math.abs(original[index] - taken));
        }
        peaks.push(Number(peak.toFixed(4)));
    }
    mixer.minusOutline = peaks;
    minus.drawOutline(peaks);
}
