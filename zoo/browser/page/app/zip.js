/* A zip of stored files whose contents stay where they are: a Blob of Blobs, none of them copied. */

const TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
    let value = byte;
    for (let bit = 0; bit < 8; bit += 1) {
        value = value & 1 ? (value >>> 1) ^ 0xedb88320 : value >>> 1;
    }
    return value;
});
const UTF8_NAMES = 0x0800;
const FIRST_DAY = 0x21; // 1980-01-01: a fixed date, so that equal stems make equal archives

/** Resolve to a Blob of [{name, blob}] files, which are together smaller than 4 GB. */
export async function zipBlob(files) {
    const parts = [];
    const directory = [];
    let offset = 0;
    for (const { name, blob } of files) {
        const entry = {
            name: new TextEncoder().encode(name),
            crc: await checksum(blob),
            size: blob.size,
            offset,
        };
        const header = localHeader(entry);
        parts.push(header, blob);
        directory.push(centralHeader(entry));
        offset += header.length + blob.size;
    }
    const directoryBytes = directory.reduce((sum, bytes) => sum + bytes.length, 0);
    const end = fields(22, [
        [4, 0x06054b50],
        [2, 0],
        [2, 0],
        [2, files.length],
        [2, files.length],
        [4, directoryBytes],
        [4, offset],
        [2, 0],
    ]);
    return new Blob([...parts, ...directory, end], { type: "application/zip" });
}

/** CRC-32 of a Blob, read piece by piece. */
export async function checksum(blob) {
    let crc = 0xffffffff;
    const reader = blob.stream().getReader();
    for (let read = await reader.read(); !read.done; read = await reader.read()) {
        for (let index = 0; index < read.value.length; index += 1) {
            crc = TABLE[(crc ^ read.value[index]) & 0xff] ^ (crc >>> 8);
        }
    }
    return (crc ^ 0xffffffff) >>> 0;
}

function localHeader({ name, crc, size }) {
    const header = fields(30, [
        [4, 0x04034b50],
        [2, 20],
        [2, UTF8_NAMES],
        [2, 0],
        [2, 0],
        [2, FIRST_DAY],
        [4, crc],
        [4, size],
        [4, size],
        [2, name.length],
        [2, 0],
    ]);
    return concatenated(header, name);
}

function centralHeader({ name, crc, size, offset }) {
    const header = fields(46, [
        [4, 0x02014b50],
        [2, 20],
        [2, 20],
        [2, UTF8_NAMES],
        [2, 0],
        [2, 0],
        [2, FIRST_DAY],
        [4, crc],
        [4, size],
        [4, size],
        [2, name.length],
        [2, 0],
        [2, 0],
        [2, 0],
        [2, 0],
        [4, 0],
        [4, offset],
    ]);
    return concatenated(header, name);
}

function fields(length, values) {
    const view = new DataView(new ArrayBuffer(length));
    let at = 0;
    for (const [bytes, value] of values) {
        if (bytes === 2) {
            view.setUint16(at, value, true);
        } else {
            view.setUint32(at, value, true);
        }
        at += bytes;
    }
    return new Uint8Array(view.buffer);
}

function concatenated(first, second) {
    const both = new Uint8Array(first.length + second.length);
    both.set(first);
    both.set(second, first.length);
    return both;
}
