/* One row of the mixer: its switches, volume, pan, level meter, picture and download link. */

const SILENT_DECIBELS = -60;
const SVG_NAMESPACE = "http://www.w3.org/2000/svg";

function decibels(amplitude) {
    return 20 * Math.log10(Math.max(amplitude, 1e-6));
}

function hasSound(lane) {
    return Boolean(lane.audio) || Boolean(lane.pieces && lane.pieces.length);
}

/** Where the last piece of a lane's state ends, in seconds. */
function piecesEnd(lane) {
    return (lane.pieces || []).reduce((end, piece) => Math.max(end, piece.start + piece.seconds), 0);
}

/** Download under a name of our own: the server's headers would put the bare file name first.

A zip is made on the way; it has its name from there and goes straight to the disk. */
async function downloadAs(link) {
    const isMade = new URL(link.href).pathname.endsWith(".zip");
    const answer = await fetch(link.href, { method: isMade ? "HEAD" : "GET" });
    if (!answer.ok) {
        throw new Error(wording("mixer.file_gone", { status: answer.status }));
    }
    if (isMade) {
        window.location.assign(link.href);
    } else {
        saveBlob(await answer.blob(), link.download);
    }
}

function saveBlob(blob, name) {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(blob);
    link.download = name;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 60000);
}

/** What the musician reads for a lane among all lanes of a song. */
function laneTitle(lane, lanes) {
    if (lane.kind === "stem") {
        return sourceTitle(lane.source);
    }
    const sources = lanes.filter((other) => other.kind === "stem").map((stem) => stem.source);
    return wording("lane." + lane.kind, { sources });
}

/** To one digit after the decimal mark. */
function toTenths(value) {
    return Number(value.toFixed(1));
}

class Lane {
    /** onChange() after a switch or the volume moved, onSeek(event, view) for a click on the picture,
    onSkip(lane, direction) for the next (1) or previous (-1) part in which the lane sounds. */
    constructor(template, state, { duration, onChange, onSeek, onSkip }) {
        this.name = state.name;
        this.kind = state.kind;
        this.muted = !state.on;
        this.soloed = false;
        this.safe = false; // from the solo of others
        this.volume = 1;
        this.pan = 0;
        this.onChange = onChange;
        this.element = template.content.firstElementChild.cloneNode(true);
        this.find = (selector) => this.element.querySelector(selector);
        this.element.dataset.lane = state.name;
        this.view = this.find(".view");
        this.find(".mute").addEventListener("click", () => this.set({ muted: !this.muted }));
        this.find(".solo").addEventListener("click", () => this.set({ soloed: !this.soloed }));
        this.find(".safe").addEventListener("click", () => this.set({ safe: !this.safe }));
        this.find(".volume").addEventListener("input", (event) => {
            this.set({ volume: Number(event.target.value) / 100 });
        });
        this.find(".volume").addEventListener("dblclick", () => this.set({ volume: 1 }));
        this.panControl = new PanControl(this.element, (pan) => this.set({ pan }));
        this.view.addEventListener("click", (event) => onSeek(event, this.view));
        this.find(".parts").addEventListener("click", (event) => event.stopPropagation());
        this.find(".previous-part").addEventListener("click", () => onSkip(this, -1));
        this.find(".next-part").addEventListener("click", () => onSkip(this, 1));
        this.update(state, duration);
        this.show();
    }

    /** What the lane is called on the page; that of the minus lane changes with its switches. */
    get title() {
        return this.find(".title").textContent;
    }

    set title(title) {
        this.element.setAttribute("aria-label", title);
        this.find(".title").textContent = title;
    }

    set(change) {
        Object.assign(this, change);
        this.show();
        this.onChange();
    }

    show() {
        this.find(".mute").setAttribute("aria-pressed", String(this.muted));
        this.find(".solo").setAttribute("aria-pressed", String(this.soloed));
        this.find(".safe").setAttribute("aria-pressed", String(this.safe));
        const slider = this.find(".volume");
        slider.value = Math.round(this.volume * 100);
        slider.style.setProperty("--fill", this.volume / 1.5);
        const level =
            this.volume > 0
                ? wording("mixer.decibels", { decibels: toTenths(decibels(this.volume)) })
                : wording("mixer.silent");
        slider.setAttribute("aria-valuetext", level);
        slider.title = wording("mixer.volume_hint", { level });
        this.panControl.show(this.pan);
    }

    /** Show whether the lane sounds, with all the other lanes' solos counted in. */
    setAudible(audible) {
        this.element.classList.toggle("silent", !audible);
    }

    /** Show a lane's state in a song of `duration` seconds. */
    update(state, duration) {
        this.state = state;
        this.duration = duration;
        this.element.dataset.kind = state.kind;
        this.element.dataset.source = state.source;
        this.element.classList.toggle("pending", !hasSound(state) && state.kind !== "minus");
        this.element.classList.toggle("growing", hasSound(state) && !state.audio);
        this.title = state.title;
        this.element.style.setProperty("--hue", state.color || "");
        this.find(".hint").textContent = state.part_of ? wording("lane.part", { sources: [state.part_of] }) : "";
        const label = (selector, key) => this.find(selector).setAttribute("aria-label", wording(key, state));
        label(".mute", "mixer.mute_lane");
        label(".solo", "mixer.solo_lane");
        label(".volume", "mixer.lane_volume");
        label(".meter", "mixer.lane_level");
        label(".safe", "mixer.safe_lane");
        label(".grip", "mixer.move_lane");
        label(".panning input", "mixer.pan_lane");
        this.updateDownload(state);
        this.updatePictures(state);
        this.drawOutline(state.outline || []);
    }

    /** Show the pictures of the pieces side by side, and then that of the whole lane. */
    updatePictures(state) {
        const picture = this.find(".picture");
        const url = state.picture ? state.picture.url : "";
        picture.hidden = !url;
        picture.alt = wording("mixer.spectrogram", state);
        if (url && picture.getAttribute("src") !== url) {
            picture.onload = () => this.find(".pieces").replaceChildren();
            picture.src = url;
        }
        this.view.style.setProperty("--done", piecesEnd(state) / this.duration);
        const box = this.find(".pieces");
        for (const piece of (state.pieces || []).slice(box.children.length)) {
            const image = document.createElement("img");
            image.alt = "";
            image.draggable = false;
            image.src = piece.picture.url;
            image.style.left = (100 * piece.start) / this.duration + "%";
            image.style.width = (100 * piece.seconds) / this.duration + "%";
            box.append(image);
        }
    }

    updateDownload(state) {
        const link = this.find(".download");
        link.hidden = !state.download;
        if (state.download) {
            link.href = state.download.url;
            link.download = state.download.orig_name || state.title;
            link.setAttribute("aria-label", wording("mixer.download_lane", state));
            link.title = wording("mixer.download_lane", { title: link.download });
        }
    }

    /** Peaks in 0..1, drawn true to scale around the middle of the picture; below it, where they sound. */
    drawOutline(peaks) {
        const svg = this.find(".outline");
        const key = [this.duration, this.title, ...peaks].join();
        if (svg.dataset.key === key) {
            return;
        }
        svg.dataset.key = key;
        drawActivity(this, peaks);
        svg.replaceChildren();
        if (peaks.length) {
            const above = peaks.map((peak, index) => index + "," + (1 - Math.min(peak, 1)));
            const below = peaks.map((peak, index) => index + "," + (1 + Math.min(peak, 1))).reverse();
            const path = document.createElementNS(SVG_NAMESPACE, "path");
            path.setAttribute("d", "M" + above.join("L") + "L" + below.join("L") + "Z");
            svg.setAttribute("viewBox", "0 0 " + (peaks.length - 1) + " 2");
            svg.append(path);
        }
    }

    setLevel(amplitude) {
        const share = Math.min(Math.max(1 - decibels(amplitude) / SILENT_DECIBELS, 0), 1);
        const hidden = Math.round(100 * (1 - share));
        if (hidden !== this.hiddenPercent) {
            this.hiddenPercent = hidden;
            this.find(".meter i").style.clipPath = "inset(0 " + hidden + "% 0 0)";
        }
    }
}
