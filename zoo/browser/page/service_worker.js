/* Keeps the page for the time without a network, and isolates it where the host does not.

WebAssembly gets threads only on pages that are cross-origin isolated, by two headers that many hosts
of static files cannot send; a service worker can. `SITE` ({version, core}) is in site_version.js. */

importScripts("site_version.js");

const PREFIX = "zoo-site-";
const CACHE = PREFIX + self.SITE.version;
const ISOLATION = {
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Embedder-Policy": "require-corp",
    "Cross-Origin-Resource-Policy": "same-origin",
};

self.addEventListener("install", (event) => event.waitUntil(keep(self.SITE.core)));

self.addEventListener("activate", (event) => {
    event.waitUntil(forgetOlderSites().then(() => self.clients.claim()));
});

/* {keep: [paths]}: keep these too, then answer {kept: true} or {kept: false}. */
self.addEventListener("message", (event) => {
    const [port] = event.ports;
    const done = keep(event.data.keep).then(
        () => port.postMessage({ kept: true }),
        () => port.postMessage({ kept: false }),
    );
    event.waitUntil(done);
});

self.addEventListener("fetch", (event) => {
    const isOurs = new URL(event.request.url).origin === self.location.origin;
    if (isOurs && event.request.method === "GET") {
        event.respondWith(answer(event.request));
    }
});

async function keep(paths) {
    const cache = await caches.open(CACHE);
    for (const path of paths) {
        if (!(await cache.match(path))) {
            await cache.add(new Request(path, { cache: "reload" }));
        }
    }
}

async function forgetOlderSites() {
    const names = await caches.keys();
    const older = names.filter((name) => name.startsWith(PREFIX) && name !== CACHE);
    await Promise.all(older.map((name) => caches.delete(name)));
}

async function answer(request) {
    const cache = await caches.open(CACHE);
    const kept = await cache.match(request, { ignoreSearch: true });
    const response = kept || (await fetch(request));
    if (response.type === "opaque" || response.type === "error" || response.status === 0) {
        return response;
    }
    const headers = new Headers(response.headers);
    Object.entries(ISOLATION).forEach(([name, value]) => headers.set(name, value));
    const { status, statusText } = response;
    return new Response([204, 304].includes(status) ? null : response.body, { status, statusText, headers });
}
