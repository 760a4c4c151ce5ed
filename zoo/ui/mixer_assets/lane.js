/* One row of the mixer: its switches, volume, level meter, picture and download link. */

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

/** Download under a name of our own: the server's headers would put the bare file name first. */
async function downloadAs(link) {
    const answer = await fetch(link.href);
    if (!answer.ok) {
        throw new Error("the file is no longer on the server (" + answer.status + ")");
    }
    saveBlob(await answer.blob(), link.download);
}

function saveBlob(blob, name) {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(blob);
    link.download = name;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 60000);
}

class Lane {
    /** onChange() after a switch or the volume moved, onSeek(event, view) for a click on the picture. */
    constructor(template, state, { duration, onChange, onSeek }) {
        this.name = state.name;
        this.kind = state.kind;
        this.muted = !state.on;
        this.soloed = false;
        this.volume = 1;
        this.onChange = onChange;
        this.element = template.content.firstElementChild.cloneNode(true);
        this.find = (selector) => this.element.querySelector(selector);
        this.element.dataset.lane = state.name;
        this.view = this.find(".view");
        this.find(".mute").addEventListener("click", () => this.set({ muted: !this.muted }));
        this.find(".solo").addEventListener("click", () => this.set({ soloed: !this.soloed }));
        this.find(".volume").addEventListener("input", (event) => {
            this.set({ volume: Number(event.target.value) / 100 });
        });
        this.find(".volume").addEventListener("dblclick", () => this.set({ volume: 1 }));
        this.view.addEventListener("click", (event) => onSeek(event, this.view));
        this.update(state, duration);
        this.show();
    }

    set(change) {
        Object.assign(this, change);
        this.show();
        this.onChange();
    }

    show() {
        this.find(".mute").setAttribute("aria-pressed", String(this.muted));
        this.find(".solo").setAttribute("aria-pressed", String(this.soloed));
        const slider = this.find(".volume");
        slider.value = Math.round(this.volume * 100);
        slider.style.setProperty("--fill", this.volume / 1.5);
        const level = this.volume > 0 ? decibels(this.volume).toFixed(1) + " dB" : "silent";
        slider.setAttribute("aria-valuetext", level);
        slider.title = "Volume " + level + ", double-click for 0 dB";
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
        this.find(".title").textContent = state.title;
        this.find(".hint").textContent = state.hint || "";
        this.find(".mute").setAttribute("aria-label", "Mute " + state.title);
        this.find(".solo").setAttribute("aria-label", "Solo " + state.title);
        this.find(".volume").setAttribute("aria-label", "Volume of " + state.title);
        this.find(".meter").setAttribute("aria-label", "Level of " + state.title);
        this.updateDownload(state);
        this.updatePictures(state);
        this.drawOutline(state.outline || []);
    }

    /** Show the pictures of the pieces side by side, and then that of the whole lane. */
    updatePictures(state) {
        const picture = this.find(".picture");
        const url = state.picture ? state.picture.url : "";
        picture.hidden = !url;
        picture.alt = "Spectrogram of " + state.title;
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
            link.setAttribute("aria-label", "Download " + state.title);
            link.title = "Download " + link.download;
        }
    }

    /** Peaks in 0..1, drawn true to scale around the middle of the picture. */
    drawOutline(peaks) {
        const svg = this.find(".outline");
        const key = peaks.join();
        if (svg.dataset.key === key) {
            return;
        }
        svg.dataset.key = key;
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
        this.find(".meter").style.setProperty("--level", share);
    }
}
