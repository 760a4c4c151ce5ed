/* The lane that plays the original minus the chosen stems; the host knows nothing of it. */

const OUTLINE_POINTS = 600;

/** Add the lane where there is an original and something to take away from it. */
function withMinusLane(mixer, lanes) {
    if (!mixer.original || !mixer.stems.length || lanes.some((lane) => lane.kind === "rest")) {
        return lanes;
    }
    const minus = { name: "minus", kind: "minus", source: "", title: minusTitle(mixer), on: false };
    return [...lanes, { ...minus, outline: mixer.minusOutline || [] }];
}

/** Whether a lane is a stem that adds up to the song with the others, and no part of one of them. */
function isSummand(lane) {
    return lane.kind === "stem" && !lane.part_of;
}

/** What is taken away at first: the voice, or else the first stem. */
function firstTaken(lanes) {
    const names = lanes.filter(isSummand).map((stem) => stem.name);
    return new Set(names.includes("vocals") ? ["vocals"] : names.slice(0, 1));
}

/** Take a stem away or put it back. A part and its whole are never taken away both, but once. */
function toggleTaken(mixer, stem) {
    if (!mixer.chosen.delete(stem.name)) {
        const overlaps = (other) => other.name === stem.part_of || other.part_of === stem.name;
        mixer.stems.filter(overlaps).forEach((other) => mixer.chosen.delete(other.name));
        mixer.chosen.add(stem.name);
    }
}

/** What the lane plays, in words. */
function minusTitle(mixer) {
    const taken = mixer.stems.filter((stem) => mixer.chosen.has(stem.name));
    return taken.length
        ? wording("lane.rest", { sources: taken.map((stem) => stem.source) })
        : wording("lane.everything");
}

/** Before its sound is there, show the pictures of the stems that stay, one through the other. */
function showMinusPictures(mixer) {
    const minus = mixer.lanes.get("minus");
    if (!minus) {
        return;
    }
    minus.title = minusTitle(mixer);
    const stay = mixer.stems.filter((stem) => isSummand(stem) && !mixer.chosen.has(stem.name) && stem.picture);
    const box = minus.find(".pieces");
    const key = stay.map((stem) => stem.picture.url).join();
    if (box.dataset.key !== key) {
        box.dataset.key = key;
        box.replaceChildren(
            ...stay.map((stem) => {
                const image = document.createElement("img");
                Object.assign(image, { alt: "", draggable: false, src: stem.picture.url });
                return image;
            }),
        );
    }
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
        chip.setAttribute("aria-pressed", String(mixer.chosen.has(stem.name)));
        chip.addEventListener("click", (event) => {
            event.stopPropagation();
            toggleTaken(mixer, stem);
            mixer.minusChanged();
        });
        return chip;
    });
    minus.find(".chips").replaceChildren(...chips);
    showMinusPictures(mixer);
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
