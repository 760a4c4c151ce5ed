/* Where a lane sounds, from the peaks of its outline, and jumps over its silence. */

// A lane sounds where its peaks are above both levels. The first one, relative to its loudest peak,
// is above what most networks leave of other sources in a stem; the second one, relative to full
// scale, keeps a stem silent that holds nothing else.
const QUIETEST_BELOW_LOUDEST_DECIBELS = -40;
const QUIETEST_DECIBELS = -50;
// Shorter rests, as between two strokes of a drum, divide no part.
const SHORTEST_SILENCE_SECONDS = 1;
// So long after the start of a part, "previous" means its own start.
const PREVIOUS_AFTER_SECONDS = 1;
const MOST_PARTS_NAMED = 8;

/** Parts [{start, end}] in seconds in which a signal of `seconds` with peaks at equal distances sounds. */
function soundingParts(peaks, seconds) {
    const loudest = peaks.reduce((most, peak) => Math.max(most, peak), 0);
    const threshold = Math.max(decibels(loudest) + QUIETEST_BELOW_LOUDEST_DECIBELS, QUIETEST_DECIBELS);
    const step = seconds / peaks.length;
    const parts = [];
    peaks.forEach((peak, index) => {
        if (decibels(peak) <= threshold) {
            return;
        }
        const last = parts[parts.length - 1];
        if (last && index * step - last.end < SHORTEST_SILENCE_SECONDS) {
            last.end = (index + 1) * step;
        } else {
            parts.push({ start: index * step, end: (index + 1) * step });
        }
    });
    return parts;
}

/** The part to jump to from a position: the next one, or with direction -1 the one before; or none. */
function partToJumpTo(parts, position, direction) {
    if (direction > 0) {
        return parts.find((part) => part.start > position + 1e-3);
    }
    return parts.filter((part) => part.start < position - PREVIOUS_AFTER_SECONDS).pop();
}

/** Draw the parts of a lane under its picture, and say them. */
function drawActivity(lane, peaks) {
    lane.parts = soundingParts(peaks, lane.duration);
    lane.element.classList.toggle("unmeasured", !peaks.length);
    const { title } = lane;
    lane.find(".activity .strip").replaceChildren(
        ...lane.parts.map(({ start, end }) => {
            const bar = document.createElement("i");
            bar.style.left = (100 * start) / lane.duration + "%";
            bar.style.width = (100 * (end - start)) / lane.duration + "%";
            return bar;
        }),
    );
    const named = lane.parts
        .slice(0, MOST_PARTS_NAMED)
        .map(({ start, end }) => clockText(start) + "\u2013" + clockText(end));
    if (lane.parts.length > MOST_PARTS_NAMED) {
        named.push("\u2026");
    }
    const parts = named.join(", ");
    const said = wording(parts ? "sections.sounds" : "sections.silent", { title, parts });
    lane.find(".activity").setAttribute("aria-label", said);
    lane.find(".previous-part").setAttribute("aria-label", wording("sections.previous", { title }));
    lane.find(".next-part").setAttribute("aria-label", wording("sections.next", { title }));
}

/** Go to the next part (direction 1) or the previous one (-1) in which a lane sounds. */
function skipSilence(mixer, lane, direction) {
    const part = partToJumpTo(lane.parts, mixer.playback.position(), direction);
    const { title } = lane;
    if (part) {
        mixer.say("");
        mixer.seek(part.start);
    } else if (lane.element.matches(".unmeasured")) {
        mixer.say(wording("sections.unknown", { title }));
    } else {
        mixer.say(wording(direction > 0 ? "sections.no_next" : "sections.no_previous", { title }));
    }
}

/** The lane that a key on an element is for: the one around it, or the first that is heard. */
function laneForKey(mixer, target) {
    const around = target.closest(".lane");
    const gains = mixer.gains();
    const lanes = [...mixer.lanes.values()];
    return lanes.find((lane) => lane.element === around) || lanes.find((lane) => gains[lane.name] > 0) || lanes[0];
}
