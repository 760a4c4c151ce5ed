/* The service worker's page side: isolation by one reload, and keeping the site for later. */

import { wording } from "../wording.js";

const RELOADED = "zoo-reloaded-for-isolation";
const PATIENCE_MS = 30000; // for a service worker to keep the page's files

/** Register the service worker. Resolves to what stands in the way of threads: "" for nothing. */
export async function isolate({ isBusy }) {
    if (globalThis.crossOriginIsolated) {
        await register();
        return "";
    }
    if (!(await register())) {
        return wording("browser.no_encryption");
    }
    if (globalThis.top !== globalThis.self) {
        return wording("browser.framed");
    }
    if (!sessionStorage.getItem(RELOADED) && !isBusy()) {
        sessionStorage.setItem(RELOADED, "yes");
        location.reload();
        await new Promise(() => {}); // the page is about to go
    }
    return wording("browser.not_isolated");
}

async function register() {
    if (!navigator.serviceWorker) {
        return false;
    }
    try {
        const registration = await navigator.serviceWorker.register("service_worker.js");
        return Boolean(navigator.serviceWorker.controller) || (await takesOver(registration));
    } catch {
        return false;
    }
}

/** Whether a service worker takes this page over; one whose files cannot be kept never does. */
function takesOver(registration) {
    return new Promise((resolve) => {
        const worker = registration.installing || registration.waiting || registration.active;
        const isGone = () => worker.state === "redundant" && resolve(false);
        worker.addEventListener("statechange", isGone);
        isGone();
        const options = { once: true };
        navigator.serviceWorker.addEventListener("controllerchange", () => resolve(true), options);
        setTimeout(() => resolve(false), PATIENCE_MS);
    });
}

/** Keep files for the time without a network; resolves to whether they are there. */
export async function keepFiles(paths) {
    const worker = navigator.serviceWorker && navigator.serviceWorker.controller;
    if (!worker) {
        return false;
    }
    const { port1, port2 } = new MessageChannel();
    const answer = new Promise((resolve) => (port1.onmessage = ({ data }) => resolve(data.kept)));
    worker.postMessage({ keep: paths }, [port2]);
    return answer;
}
