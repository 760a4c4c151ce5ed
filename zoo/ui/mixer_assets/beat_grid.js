/* The beats of a song as a grid that goes on for ever. All times are seconds of the song. */

const BEATS_PER_BAR = 4;
const SLOWEST_BPM = 20;
const FASTEST_BPM = 400;

class BeatGrid {
    /** `times` of two or more beats; `downbeat`: the index of one that begins a bar; `bpm`: where it
    is known better than by the distances of the beats. */
    constructor({ times, downbeat = 0, bpm = 0 }) {
        this.times = times;
        this.downbeat = downbeat;
        const periods = times.slice(1).map((time, index) => time - times[index]);
        this.period = bpm ? 60 / bpm : periods.sort((a, b) => a - b)[Math.floor(periods.length / 2)];
    }

    get bpm() {
        return 60 / this.period;
    }

    /** The time of a beat by its index; those before the first and after the last go on in step. */
    timeOf(index) {
        const { times } = this;
        const last = times.length - 1;
        if (index < 0) {
            return times[0] + index * (times[1] - times[0]);
        }
        return index <= last ? times[index] : times[last] + (index - last) * (times[last] - times[last - 1]);
    }

    /** The index of the last beat at or before a time. */
    indexAt(time) {
        const { times } = this;
        const last = times.length - 1;
        if (time < times[0]) {
            return Math.floor((time - times[0]) / (times[1] - times[0]));
        }
        if (time >= times[last]) {
            return last + Math.floor((time - times[last]) / (times[last] - times[last - 1]));
        }
        let [low, high] = [0, last];
        while (high - low > 1) {
            const middle = (low + high) >> 1;
            [low, high] = times[middle] <= time ? [middle, high] : [low, middle];
        }
        return low;
    }

    beginsBar(index) {
        return (index - this.downbeat) % BEATS_PER_BAR === 0;
    }

    /** The beats from a time up to before another: [{time, beginsBar}]. */
    between(from, to) {
        const beats = [];
        for (let index = this.indexAt(from); this.timeOf(index) < to; index += 1) {
            if (this.timeOf(index) >= from) {
                beats.push({ time: this.timeOf(index), beginsBar: this.beginsBar(index) });
            }
        }
        return beats;
    }

    /** The beat, or with unit "bar" the bar line, that is nearest to a time: its index. */
    nearest(time, unit) {
        const step = unit === "bar" ? BEATS_PER_BAR : 1;
        const before = this.indexAt(time);
        const first = before - ((((before - this.downbeat) % step) + step) % step);
        return time - this.timeOf(first) <= this.timeOf(first + step) - time ? first : first + step;
    }

    /** Move both edges of a loop to beats or bar lines of a song of `seconds`; one lies between them at least. */
    snapLoop({ start, end }, unit, seconds) {
        const step = unit === "bar" ? BEATS_PER_BAR : 1;
        const first = this.nearest(start, unit);
        const last = Math.max(this.nearest(end, unit), first + step);
        return { start: Math.max(0, this.timeOf(first)), end: Math.min(this.timeOf(last), seconds) };
    }

    /** The same beats with one between every two. */
    doubled() {
        const times = this.times.flatMap((time, index) => [time, (time + this.timeOf(index + 1)) / 2]);
        return new BeatGrid({ times, downbeat: 2 * this.downbeat, bpm: 2 * this.bpm });
    }

    /** Every other beat, those that begin bars among them. */
    halved() {
        const first = this.downbeat % 2;
        const times = this.times.filter((_, index) => index % 2 === first);
        const enough = times.length > 1 ? times : [times[0], times[0] + 2 * this.period];
        return new BeatGrid({ times: enough, downbeat: (this.downbeat - first) / 2, bpm: this.bpm / 2 });
    }

    /** The same beats, their bars beginning one beat later. */
    shifted() {
        return new BeatGrid({ times: this.times, downbeat: (this.downbeat + 1) % BEATS_PER_BAR, bpm: this.bpm });
    }
}

/** The steady grid that is nearest to taps at the given times (least squares), which begins a bar with the
first of them; null where they are too few, too fast or too slow. */
function gridOfTaps(taps) {
    const count = taps.length;
    const middle = (count - 1) / 2;
    const mean = taps.reduce((sum, time) => sum + time, 0) / count;
    const spread = taps.reduce((sum, _, index) => sum + (index - middle) ** 2, 0);
    const period = taps.reduce((sum, time, index) => sum + (index - middle) * (time - mean), 0) / spread;
    if (!(period >= 60 / FASTEST_BPM && period <= 60 / SLOWEST_BPM)) {
        return null;
    }
    const first = mean - middle * period;
    return new BeatGrid({ times: [first, first + period] });
}
