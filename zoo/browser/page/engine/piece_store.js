/* Where the sound of stems lies while a page is open: files of the browser's own, else the memory.

The origin private file system holds a folder for each open page, so that a long song does not fill
the memory of a phone. What cannot be written there (private windows, a full disk) becomes a Blob. */

export const FOLDER = "songs";

export class PieceStore {
    /** `owner` names the page's folder; whoever holds its lock may delete it. */
    static async open(owner) {
        try {
            const root = await navigator.storage.getDirectory();
            const songs = await root.getDirectoryHandle(FOLDER, { create: true });
            return new PieceStore(await songs.getDirectoryHandle(owner, { create: true }));
        } catch {
            return new PieceStore(null);
        }
    }

    constructor(folder) {
        this.folder = folder;
    }

    /** Keep bytes under a name and return them as a Blob or File. */
    async put(name, bytes) {
        if (this.folder) {
            try {
                return await writeFile(this.folder, name, bytes);
            } catch {
                this.folder = null; // full, or no such files here: the memory takes the rest
            }
        }
        return new Blob([bytes]);
    }
}

async function writeFile(folder, name, bytes) {
    const handle = await folder.getFileHandle(name, { create: true });
    const access = await handle.createSyncAccessHandle();
    try {
        access.truncate(0);
        if (access.write(bytes) !== bytes.length) {
            throw new Error("the disk is full");
        }
    } finally {
        access.close();
    }
    return handle.getFile();
}
