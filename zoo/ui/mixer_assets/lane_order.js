/* The order of the lanes: dragged by their grips, or moved by keys. It lasts as long as the tab. */

const ORDER_KEY = "zoo-lane-order";
const STEPS = { ArrowUp: -1, ArrowDown: 1 };

/** The names of lanes in the order that was last wished for in this tab. */
function rememberedOrder() {
    try {
        return JSON.parse(sessionStorage.getItem(ORDER_KEY)) || [];
    } catch {
        return []; // this window keeps nothing
    }
}

function rememberOrder(names) {
    try {
        sessionStorage.setItem(ORDER_KEY, JSON.stringify(names));
    } catch {
        // This window keeps nothing; the order lasts as long as the page.
    }
}

class LaneOrder {
    /** `box` holds the lanes' elements; onMove(names) in the new order, onMoved(name, place, count) at its end. */
    constructor(box, { onMove, onMoved }) {
        this.box = box;
        this.onMove = onMove;
        this.onMoved = onMoved;
        this.names = rememberedOrder();
        this.dragged = null;
        box.addEventListener("keydown", (event) => this.moveByKey(event));
        box.addEventListener("pointerdown", (event) => this.take(event));
        box.addEventListener("pointermove", (event) => this.drag(event));
        box.addEventListener("pointerup", () => this.drop());
        box.addEventListener("pointercancel", () => this.drop());
    }

    /** The states of lanes in the order that is wished for, unknown ones behind. */
    sorted(states) {
        const rank = ({ name }) => (this.names.includes(name) ? this.names.indexOf(name) : this.names.length);
        return [...states].sort((one, other) => rank(one) - rank(other));
    }

    /** Show elements in an order; none that is in its place is touched, because it would lose the focus. */
    show(elements) {
        elements.forEach((element, index) => {
            const place = this.box.children[index];
            if (place !== element) {
                this.box.insertBefore(element, place || null);
            }
        });
    }

    get shownNames() {
        return [...this.box.children].map((element) => element.dataset.lane);
    }

    /** Move a lane over its neighbour; returns whether there is one. */
    step(element, direction) {
        const neighbour = direction < 0 ? element.previousElementSibling : element.nextElementSibling;
        if (!neighbour) {
            return false;
        }
        // The neighbour is moved, so that the lane keeps the focus and the pointer.
        if (direction < 0) {
            element.after(neighbour);
        } else {
            element.before(neighbour);
        }
        const shown = this.shownNames;
        this.names = [...shown, ...this.names.filter((name) => !shown.includes(name))];
        rememberOrder(this.names);
        element.scrollIntoView({ block: "nearest" });
        this.onMove(shown);
        return true;
    }

    announce(element) {
        const shown = this.shownNames;
        const { lane } = element.dataset;
        this.onMoved(lane, shown.indexOf(lane) + 1, shown.length);
    }

    moveByKey(event) {
        const element = event.target.closest(".lane");
        const direction = STEPS[event.key];
        if (element && direction && (event.altKey || event.target.matches(".grip"))) {
            event.preventDefault();
            if (this.step(element, direction)) {
                this.announce(element);
            }
        }
    }

    take(event) {
        const grip = event.target.closest(".grip");
        if (grip && event.button === 0) {
            grip.setPointerCapture(event.pointerId);
            this.dragged = grip.closest(".lane");
            this.takenFrom = this.shownNames.join();
            this.dragged.classList.add("dragged");
        }
    }

    drag(event) {
        const middle = (element) => {
            const { top, height } = element.getBoundingClientRect();
            return top + height / 2;
        };
        const direction = () => {
            const { previousElementSibling: above, nextElementSibling: below } = this.dragged;
            return above && event.clientY < middle(above) ? -1 : below && event.clientY > middle(below) ? 1 : 0;
        };
        // A fast pointer passes several lanes at once.
        for (let passed = 0; this.dragged && direction() && passed < this.box.children.length; passed += 1) {
            this.step(this.dragged, direction());
        }
    }

    drop() {
        if (this.dragged) {
            this.dragged.classList.remove("dragged");
            if (this.takenFrom !== this.shownNames.join()) {
                this.announce(this.dragged);
            }
            this.dragged = null;
        }
    }
}
