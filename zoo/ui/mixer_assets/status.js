/* What the page says of a separation: before, while and after. */

/** Title, levels, sums and the zip. */
function showFacts(mixer, state) {
    mixer.find(".song").textContent = state.title;
    mixer.find(".summary").textContent = state.summary;
    mixer.find(".length").textContent = "/ " + clockText(state.seconds, 1);
    mixer.find(".facts").textContent = state.facts;
    const archive = mixer.find(".archive");
    archive.hidden = !state.archive;
    if (state.archive) {
        archive.href = state.archive.url;
        archive.download = state.archive.orig_name || "stems.zip";
        archive.textContent = archive.download.endsWith(".zip") ? "All stems (zip)" : "All stems (one file)";
    }
    const playable = state.lanes.some(hasSound);
    mixer.find(".play").disabled = !playable;
    mixer.find(".save").disabled = !playable || Boolean(state.progress);
}

/** How far a separation is; nothing once it is done. */
function showProgress(mixer, progress) {
    const box = mixer.find(".progress");
    box.hidden = !progress;
    if (progress) {
        const percent = Math.round(100 * progress.fraction);
        box.querySelector(".bar").setAttribute("aria-valuenow", String(percent));
        box.querySelector(".bar i").style.width = percent + "%";
        box.querySelector(".stage").textContent = progress.stage;
        const left = progress.seconds_left;
        const known = left !== null && left !== undefined;
        box.querySelector(".left").textContent = known ? "about " + Math.ceil(left) + " s left" : "";
    }
}
