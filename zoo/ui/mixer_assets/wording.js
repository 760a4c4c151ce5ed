/* Texts in the browser's language; TEXTS ({language: {key: text}}) comes before this.

Values are put in as zoo/ui/texts.py does it: a `source` is named as a title, numbers get the
language's decimal mark, a list holds messages or sources within a sentence. */

const LANGUAGE = knownLanguage(navigator.language);
const MOST_DIGITS = 3; // after the decimal mark

function knownLanguage(preferred) {
    const language = String(preferred).split("-")[0].toLowerCase();
    return Object.hasOwn(TEXTS, language) ? language : "en";
}

function wording(key, values = {}) {
    return TEXTS[LANGUAGE][key].replace(/\{(\w+)\}/g, (_, name) => shown(name, values[name]));
}

/** A message ({key, values}) from elsewhere as a sentence. */
function sentence({ key, values }) {
    return wording(key, values);
}

function sourceTitle(source) {
    const plain = source.replaceAll("_", " ");
    return TEXTS[LANGUAGE]["source." + source] || plain.charAt(0).toUpperCase() + plain.slice(1);
}

/** A source's name within a sentence. */
function sourceInline(source) {
    return TEXTS[LANGUAGE]["source_inline." + source] || source.replaceAll("_", " ");
}

function shown(name, value) {
    if (Array.isArray(value)) {
        return value.map((item) => (typeof item === "string" ? sourceInline(item) : sentence(item))).join(", ");
    }
    if (typeof value === "number") {
        const digits = String(Number(value.toFixed(MOST_DIGITS)));
        return digits.replace("-", "\u2212").replace(".", wording("number.decimal"));
    }
    return name === "source" ? sourceTitle(value) : String(value);
}

/** A name that says what it is, after what it shows: who speaks to a computer reads it out (WCAG 2.5.3). */
function spokenName(element, name) {
    const shown = element.matches("button") ? element.textContent.trim() : "";
    const isSaid = !/[\p{L}\p{N}]/u.test(shown) || name.toLowerCase().includes(shown.toLowerCase());
    return isSaid ? name : `${shown}: ${name}`;
}

/** Fill the texts of static markup: data-text for the content, data-texts for attributes by name. */
function translate(root) {
    root.querySelectorAll("[data-text]").forEach((element) => {
        element.textContent = wording(element.dataset.text);
    });
    root.querySelectorAll("[data-texts]").forEach((element) => {
        for (const pair of element.dataset.texts.split(" ")) {
            const [attribute, key] = pair.split("=");
            const text = wording(key);
            element.setAttribute(attribute, attribute === "aria-label" ? spokenName(element, text) : text);
        }
    });
    root.querySelectorAll("template").forEach((template) => translate(template.content));
}
