/* Folders of the browser's own file system, one for each open page; see engine/piece_store.js. */

import { FOLDER } from "../engine/piece_store.js";

const LOCK = "zoo-songs-";

/** Take a folder's name for this page, and delete those of pages that are closed. */
export async function claimFolder() {
    const owner = crypto.randomUUID ? crypto.randomUUID() : String(Math.random()).slice(2);
    if (navigator.locks && navigator.storage && navigator.storage.getDirectory) {
        await new Promise((resolve) => {
            // Held until the page is closed, whichever way that happens.
            navigator.locks.request(LOCK + owner, () => new Promise(() => resolve()));
        });
        sweep(owner).catch(() => {});
    }
    return owner;
}

async function sweep(owner) {
    const root = await navigator.storage.getDirectory();
    const songs = await root.getDirectoryHandle(FOLDER, { create: true });
    const names = [];
    for await (const name of songs.keys()) {
        names.push(name);
    }
    for (const name of names.filter((other) => other !== owner)) {
        await navigator.locks.request(LOCK + name, { ifAvailable: true }, async (lock) => {
            if (lock) {
                await songs.removeEntry(name, { recursive: true });
            }
        });
    }
}

/** Delete this page's songs. */
export async function emptyFolder(owner) {
    if (!navigator.storage || !navigator.storage.getDirectory) {
        return;
    }
    try {
        const root = await navigator.storage.getDirectory();
        const songs = await root.getDirectoryHandle(FOLDER);
        await songs.removeEntry(owner, { recursive: true });
    } catch {
        // There is none yet, or a file in it is being read; closing the page removes it.
    }
}
