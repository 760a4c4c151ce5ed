/* Where a lane sounds between left and right: a slider; a double click brings it to the centre. */

/** A place in words and in a few letters. */
function panTexts(percent) {
    const values = { percent: Math.abs(percent) };
    if (percent < 0) {
        return [wording("mixer.pan_left", values), wording("mixer.pan_left_short", values)];
    }
    if (percent > 0) {
        return [wording("mixer.pan_right", values), wording("mixer.pan_right_short", values)];
    }
    return [wording("mixer.pan_centre"), wording("mixer.pan_centre_short")];
}

class PanControl {
    /** onChange(pan): left is -1, the centre 0 and right 1. */
    constructor(root, onChange) {
        this.slider = root.querySelector(".panning input");
        this.label = root.querySelector(".panning .place");
        this.slider.addEventListener("input", () => onChange(Number(this.slider.value) / 100));
        this.slider.addEventListener("dblclick", () => onChange(0));
    }

    show(pan) {
        const percent = Math.round(100 * pan);
        const [place, short] = panTexts(percent);
        this.slider.value = percent;
        this.slider.setAttribute("aria-valuetext", place);
        this.slider.title = wording("mixer.pan_hint", { place });
        this.label.textContent = short;
    }
}
