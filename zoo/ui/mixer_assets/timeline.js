/* Time: the ruler, the loop region, zoom and the view that all lanes share. */

const LONGEST_ZOOM = 32;
const SHORTEST_LOOP_SECONDS = 0.1;
const TICK_STEPS = [0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120];
const TICK_SPACING_PIXELS = 64;
const CLOSEST_LINES_PIXELS = 7;

function clockText(seconds, digits = 0) {
    const minutes = Math.floor(seconds / 60);
    const rest = (seconds - 60 * minutes).toFixed(digits);
    return minutes + ":" + rest.padStart(digits ? digits + 3 : 2, "0");
}

class Timeline {
    /** onSeek(seconds), onLoop({start, end} or null), snapLoop(loop) for one that is being drawn. */
    constructor(root, { onSeek, onLoop, snapLoop }) {
        this.root = root;
        this.ruler = root.querySelector(".ruler");
        this.ticks = root.querySelector(".ticks");
        this.pan = root.querySelector(".pan input");
        this.onSeek = onSeek;
        this.onLoop = onLoop;
        this.snapLoop = snapLoop;
        this.grid = null;
        this.duration = 0;
        this.zoom = 1;
        this.start = 0;
        this.loop = null;
        this.width = 0; // of the view in CSS pixels
        this.position = 0;
        this.pan.addEventListener("input", () => this.show(this.zoom, Number(this.pan.value)));
        this.watchRuler();
        new ResizeObserver(() => this.drawTicks()).observe(this.ruler);
    }

    setDuration(seconds) {
        if (seconds !== this.duration) {
            this.duration = seconds;
            this.setLoop(null);
            this.show(1, 0);
        }
    }

    /** Where a pointer is in the song, in seconds. */
    secondsAt(event, view) {
        const box = view.getBoundingClientRect();
        const share = Math.min(Math.max((event.clientX - box.left) / box.width, 0), 1);
        return (this.start + share / this.zoom) * this.duration;
    }

    /** Show 1/zoom of the song from `start` (a share of it) on. */
    show(zoom, start) {
        this.zoom = Math.min(Math.max(zoom, 1), LONGEST_ZOOM);
        this.start = Math.min(Math.max(start, 0), 1 - 1 / this.zoom);
        this.root.style.setProperty("--zoom", this.zoom);
        this.root.style.setProperty("--view-start", this.start);
        this.pan.parentElement.hidden = this.zoom === 1;
        this.pan.max = 1 - 1 / this.zoom;
        this.pan.value = this.start;
        this.drawTicks();
    }

    zoomAround(factor, seconds) {
        const center = this.duration ? seconds / this.duration : 0;
        const zoom = Math.min(Math.max(this.zoom * factor, 1), LONGEST_ZOOM);
        const place = (center - this.start) * this.zoom;
        const inside = place >= 0 && place <= 1 ? place : 0.5;
        this.show(zoom, center - inside / zoom);
    }

    follow(seconds) {
        const share = this.duration ? seconds / this.duration : 0;
        if (this.zoom > 1 && (share < this.start || share > this.start + 1 / this.zoom)) {
            this.show(this.zoom, share - 0.05 / this.zoom);
        }
    }

    /** Move the playheads; nothing is touched that stays where it is, for this runs every frame. */
    setPosition(seconds) {
        this.position = seconds;
        const share = this.duration ? seconds / this.duration : 0;
        const place = "translateX(" + Math.round(2 * share * this.width * this.zoom) / 2 + "px)";
        for (const playhead of this.root.querySelectorAll(".playhead")) {
            if (playhead.style.transform !== place) {
                playhead.style.transform = place;
            }
        }
        if (this.ruler.getAttribute("aria-valuenow") !== seconds.toFixed(1)) {
            this.ruler.setAttribute("aria-valuenow", seconds.toFixed(1));
            const place = { position: clockText(seconds), length: clockText(this.duration) };
            this.ruler.setAttribute("aria-valuetext", wording("mixer.ruler_value", place));
        }
    }

    showLoop(loop) {
        this.loop = loop;
        this.root.classList.toggle("looping", Boolean(loop));
        if (loop) {
            this.root.style.setProperty("--loop-start", loop.start / this.duration);
            this.root.style.setProperty("--loop-end", loop.end / this.duration);
        }
    }

    setLoop(loop) {
        this.showLoop(loop);
        this.onLoop(loop);
    }

    /** Draw the lines of a grid of beats into the ruler and all lanes, where they are not yet. */
    drawBeats(grid) {
        this.grid = grid;
        const beats = grid && this.duration ? grid.between(0, this.duration) : [];
        const path = (wanted) =>
            beats
                .filter((beat) => beat.beginsBar === wanted)
                .map((beat) => "M" + beat.time.toFixed(3) + " 0V1")
                .join("");
        const [bars, others] = [path(true), path(false)];
        for (const lines of this.root.querySelectorAll(".beat-lines")) {
            if (lines.lastElementChild.getAttribute("d") !== bars || lines.firstElementChild.getAttribute("d") !== others) {
                lines.setAttribute("viewBox", "0 0 " + (this.duration || 1) + " 1");
                lines.firstElementChild.setAttribute("d", others);
                lines.lastElementChild.setAttribute("d", bars);
            }
        }
        this.thinBeats();
    }

    /** Leave out beats, and then bars too, that would lie closer than can be told apart. */
    thinBeats() {
        const { grid } = this;
        const distance = grid && this.duration ? (grid.period / this.duration) * this.width * this.zoom : 0;
        this.root.classList.toggle("hides-beats", distance < CLOSEST_LINES_PIXELS);
        this.root.classList.toggle("hides-bars", BEATS_PER_BAR * distance < CLOSEST_LINES_PIXELS);
    }

    drawTicks() {
        this.width = this.ruler.clientWidth;
        this.thinBeats();
        this.setPosition(this.position);
        const width = this.width * this.zoom;
        this.ruler.setAttribute("aria-valuemax", this.duration.toFixed(1));
        this.ticks.replaceChildren();
        if (!width || !this.duration) {
            return;
        }
        const fits = (step) => (step / this.duration) * width >= TICK_SPACING_PIXELS;
        const step = TICK_STEPS.find(fits) || TICK_STEPS[TICK_STEPS.length - 1];
        const first = Math.floor((this.start * this.duration) / step);
        const last = Math.ceil(((this.start + 1 / this.zoom) * this.duration) / step);
        for (let index = first; index <= last && index * step < this.duration; index += 1) {
            const tick = document.createElement("span");
            tick.textContent = clockText(index * step, step < 1 ? 1 : 0);
            tick.style.left = (100 * index * step) / this.duration + "%";
            this.ticks.append(tick);
        }
    }

    watchRuler() {
        let from = null;
        this.ruler.addEventListener("pointerdown", (event) => {
            from = { x: event.clientX, seconds: this.secondsAt(event, this.ruler) };
            this.ruler.setPointerCapture(event.pointerId);
        });
        this.ruler.addEventListener("pointermove", (event) => {
            if (from && Math.abs(event.clientX - from.x) > 4) {
                const to = this.secondsAt(event, this.ruler);
                const loop = { start: Math.min(from.seconds, to), end: Math.max(from.seconds, to) };
                if (loop.end - loop.start >= SHORTEST_LOOP_SECONDS) {
                    from.dragged = true;
                    this.showLoop(this.snapLoop(loop));
                }
            }
        });
        this.ruler.addEventListener("pointerup", () => {
            if (from && from.dragged) {
                this.setLoop(this.loop);
            } else if (from) {
                this.onSeek(from.seconds);
            }
            from = null;
        });
        this.ruler.addEventListener("pointercancel", () => (from = null));
    }
}
