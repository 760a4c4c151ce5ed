/* What the page says of a separation: before, while and after. */

/** Title, levels, sums and the zip. */
function showFacts(mixer, state) {
    mixer.find(".song").textContent = state.title;
    mixer.find(".summary").textContent = sentences(state.about);
    mixer.find(".length").textContent = "/ " + clockText(state.seconds, 1);
    mixer.find(".facts").textContent = sentences(state.notes);
    showArchive(mixer.find(".archive"), state);
    const playable = state.lanes.some(hasSound);
    mixer.find(".play").disabled = !playable;
    mixer.find(".save").disabled = !playable || Boolean(state.progress);
}

function sentences(messages) {
    return messages.map(sentence).join(" \u00b7 ");
}

/** The address of a path under that of the server's page; empty where no server made the song's files. */
function serverAddress(state, path) {
    const file = state.lanes.map((lane) => lane.audio && lane.audio.url).find(Boolean) || "";
    const [root, rest] = file.split("gradio_api/");
    return rest ? new URL(root + path, document.baseURI).toString() : "";
}

/** The link to everything at once: a zip that the server makes on the way, or the one file. */
function showArchive(link, state) {
    link.hidden = !state.song_file && !(state.archive && state.lanes.some((lane) => lane.audio));
    if (state.song_file) {
        link.href = state.song_file.url;
        link.download = state.song_file.orig_name || "stems";
        link.textContent = wording("mixer.song_file");
    } else if (!link.hidden) {
        // A page without a server makes the zip itself.
        link.href = serverAddress(state, state.archive) || state.archive.url;
        link.download = state.title + " - stems.zip";
        link.textContent = wording("mixer.archive");
    }
}

/** How far a separation is; nothing once it is done. */
function showProgress(mixer, progress) {
    const box = mixer.find(".progress");
    box.hidden = !progress;
    if (progress) {
        const percent = Math.round(100 * progress.fraction);
        box.querySelector(".bar").setAttribute("aria-valuenow", String(percent));
        box.querySelector(".bar i").style.width = percent + "%";
        box.querySelector(".stage").textContent = sentence(progress.doing);
        const left = progress.seconds_left;
        const known = left !== null && left !== undefined;
        box.querySelector(".left").textContent = known
            ? wording("mixer.seconds_left", { seconds: Math.ceil(left) })
            : "";
    }
}
