/* Ready-made mixes: all stems, the original, everything but one stem. */

/** What a mix is called from which a source is missing; musicians have words for some. */
function presetTitle(source) {
    return TEXTS[LANGUAGE]["preset." + source] || wording("preset.without", { sources: [source] });
}

/** Show a button for every mix that the present lanes allow; it also starts the playback. */
function showPresets(mixer) {
    const box = mixer.find(".presets");
    const presets = [];
    const add = (title, hint, apply) => {
        const button = document.createElement("button");
        button.type = "button";
        button.textContent = title;
        button.title = hint;
        button.addEventListener("click", () => {
            apply();
            mixer.laneChanged();
            mixer.start();
        });
        presets.push(button);
    };
    if (mixer.stems.length) {
        add(wording("preset.all"), wording("preset.all_hint"), () => mixer.only((lane) => isSummand(lane.state)));
    }
    if (mixer.original) {
        add(wording("lane.original"), wording("preset.original_hint"), () => mixer.only((lane) => lane.kind === "original"));
    }
    for (const lane of mixer.state.lanes.filter((lane) => ["blend", "exact"].includes(lane.kind))) {
        add(lane.title, wording("preset.only_hint", lane), () => mixer.only((other) => other.name === lane.name));
    }
    if (mixer.lanes.has("minus")) {
        for (const stem of mixer.stems) {
            add(presetTitle(stem.source), wording("preset.without_hint", { sources: [stem.source] }), () => {
                mixer.chosen = new Set([stem.name]);
                mixer.minusChanged();
                mixer.only((lane) => lane.kind === "minus");
            });
        }
    }
    for (const rest of mixer.state.lanes.filter((lane) => lane.kind === "rest" && hasSound(lane))) {
        const title = rest.source ? presetTitle(rest.source) : rest.title;
        add(title, rest.title, () => mixer.only((lane) => lane.name === rest.name));
    }
    const key = presets.map((button) => button.textContent).join();
    if (box.dataset.key !== key) {
        box.dataset.key = key;
        box.replaceChildren(...presets);
    }
}
