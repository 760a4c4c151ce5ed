/* Ready-made mixes: all stems, the original, everything but one stem. */

const PRESET_TITLES = { vocals: "Karaoke", drums: "Drumless", bass: "Bassless" };

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
        add("All stems", "Everything that was separated", () => mixer.only((lane) => lane.kind === "stem"));
    }
    if (mixer.original) {
        add("Original", "The song as it came", () => mixer.only((lane) => lane.kind === "original"));
    }
    for (const lane of mixer.state.lanes.filter((lane) => ["blend", "exact"].includes(lane.kind))) {
        add(lane.title, "Only " + lane.title, () => mixer.only((other) => other.name === lane.name));
    }
    if (mixer.lanes.has("minus")) {
        for (const stem of mixer.stems) {
            const title = PRESET_TITLES[stem.source] || "No " + stem.title.toLowerCase();
            add(title, "Everything but " + stem.title.toLowerCase(), () => {
                mixer.chosen = new Set([stem.name]);
                mixer.minusChanged();
                mixer.only((lane) => lane.kind === "minus");
            });
        }
    }
    for (const rest of mixer.state.lanes.filter((lane) => lane.kind === "rest" && hasSound(lane))) {
        const title = PRESET_TITLES[rest.source] || rest.title;
        add(title, rest.title, () => mixer.only((lane) => lane.name === rest.name));
    }
    const key = presets.map((button) => button.textContent).join();
    if (box.dataset.key !== key) {
        box.dataset.key = key;
        box.replaceChildren(...presets);
    }
}
