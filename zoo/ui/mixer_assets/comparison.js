/* The original beside the mix (A/B), equally loud: what is heard is then the mix of the original alone.

Both are measured from the start to where the mix has come; the original gets the difference. */

class Comparison {
    constructor(mixer) {
        this.mixer = mixer;
        this.button = mixer.find(".compare");
        this.label = mixer.find(".side");
        this.button.addEventListener("click", () => this.toggle());
        this.button.title = wording(hasAudioWorklet() ? "mixer.compare_hint" : "mixer.no_compare");
        this.button.disabled = !hasAudioWorklet();
        this.clear();
    }

    /** Forget the song. */
    clear() {
        this.measured = new Map(); // loudness in LUFS by what was measured
        this.hearMix();
    }

    /** Go back to the mix. */
    hearMix() {
        this.alone = null;
        this.turn = null; // what is still being measured comes too late
        this.show(wording("mixer.hear_mix"));
    }

    /** What is to be heard where the lanes give this mix. */
    choose(mix) {
        return this.alone || mix;
    }

    async toggle() {
        const { mixer } = this;
        if (this.turn) {
            this.hearMix();
            mixer.applyGains();
            return;
        }
        if (!hasAudioWorklet() || !mixer.original) {
            return;
        }
        const turn = Symbol("of this press");
        this.turn = turn;
        this.show(wording("mixer.comparing"));
        try {
            await mixer.open();
            const mix = mixer.mix();
            const alone = { lanes: { [mix.original]: { level: 1, pan: 0 } }, original: "", chosen: new Set() };
            const gain = (await mixer.loadAudible(alone)) ? await this.matchingGain(mix, alone) : null;
            if (this.turn === turn && gain !== null) {
                const isMatched = Number.isFinite(gain);
                alone.lanes[mix.original].level = isMatched ? 10 ** (gain / 20) : 1;
                this.alone = alone;
                mixer.applyGains();
                this.show(
                    isMatched
                        ? wording("mixer.hear_original", { gain: changeText(gain) })
                        : wording("mixer.unmatched"),
                );
            }
        } catch (error) {
            mixer.say(wording("mixer.compare_failed", { reason: error.message }));
        } finally {
            if (this.turn === turn && !this.alone) {
                this.hearMix();
            }
        }
    }

    /** By how many dB a mix is louder than another; not finite where one of them is silent. */
    async matchingGain(mix, other) {
        const { playback } = this.mixer;
        const frames = Math.min(playback.limit(mix), playback.limit(other));
        return (await this.loudnessOf(mix, frames)) - (await this.loudnessOf(other, frames));
    }

    async loudnessOf(mix, frames) {
        const key = JSON.stringify([mix.lanes, mix.original, [...mix.chosen], frames]);
        if (!this.measured.has(key)) {
            this.measured.set(key, await measureLoudness(this.mixer.playback, mix, frames));
        }
        return this.measured.get(key);
    }

    show(text = this.label.textContent) {
        this.button.setAttribute("aria-pressed", String(Boolean(this.alone)));
        this.button.hidden = this.label.hidden = !(this.mixer.state && this.mixer.original);
        this.label.textContent = text;
    }
}
