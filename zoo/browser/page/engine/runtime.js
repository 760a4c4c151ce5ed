/* ONNX Runtime: loading it, choosing what computes, and running the graphs of an exported network. */

import { wording } from "../wording.js";

const GZIP_MAGIC = [0x1f, 0x8b];
const MOST_THREADS = 8; // more gain nothing on these graphs and heat a phone

export class RuntimeError extends Error {}

/** What can compute here, the fastest first: {name, threads, canThread}. `gpu` is "no" for none, "yes"
for any, and else only for a real graphics card, because one that the processor imitates is slow. */
export async function findProviders({ gpu = "" } = {}) {
    const cores = navigator.hardwareConcurrency || 1;
    const canThread = globalThis.crossOriginIsolated === true;
    const threads = canThread ? Math.min(cores <= 2 ? cores : Math.ceil(cores / 2), MOST_THREADS) : 1;
    const wasm = { name: "wasm", threads, canThread };
    return gpu !== "no" && (await hasGpu(gpu === "yes"))
        ? [{ name: "webgpu", threads: 1, canThread }, wasm]
        : [wasm];
}

async function hasGpu(mayBeImitated) {
    try {
        const adapter = navigator.gpu ? await navigator.gpu.requestAdapter() : null;
        return Boolean(adapter) && (mayBeImitated || !(adapter.info && adapter.info.isFallbackAdapter));
    } catch {
        return false;
    }
}

/** The runtime files that a provider needs, as site.json lists them. */
export function runtimeFiles(site, provider) {
    return site.runtime[provider.name];
}

/** Fetch a file that may be compressed by gzip, whatever the server says of it. */
export async function fetchBytes(url, onBytes = () => {}) {
    let answer;
    try {
        answer = await fetch(url);
    } catch (error) {
        throw new RuntimeError(
            wording("browser.no_file", { file: nameOf(url), reason: error.message }),
        );
    }
    if (!answer.ok) {
        throw new RuntimeError(
            wording("browser.not_on_site", { file: nameOf(url), status: answer.status }),
        );
    }
    const bytes = new Uint8Array(await answer.arrayBuffer());
    onBytes(bytes.length);
    const isPacked = GZIP_MAGIC.every((byte, index) => bytes[index] === byte);
    if (!isPacked) {
        return bytes;
    }
    const unpacked = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
    return new Uint8Array(await new Response(unpacked).arrayBuffer());
}

/** A network's graphs, opened with one provider. */
export class GraphRunner {
    /** Load the runtime and all graphs of a record; `base` is the site's address. */
    static async open({ site, record, provider, base }) {
        const files = runtimeFiles(site, provider);
        const [ort, binary] = await Promise.all([
            import(new URL(files.module, base)),
            fetchBytes(new URL(files.wasm, base)),
        ]);
        ort.env.wasm.numThreads = provider.threads;
        ort.env.wasm.wasmPaths = { mjs: new URL(files.loader, base).href };
        ort.env.wasm.wasmBinary = binary.buffer;
        ort.env.logLevel = "error";
        const runner = new GraphRunner(ort, provider);
        try {
            await runner.openGraphs(record, new URL(site.model, base));
            if (provider.name === "webgpu") {
                await runner.watchDevice();
            }
        } catch (error) {
            await runner.close();
            throw error;
        }
        return runner;
    }

    constructor(ort, provider) {
        this.ort = ort;
        this.provider = provider;
        this.sessions = new Map();
        this.lost = new Promise(() => {});
    }

    async openGraphs(record, folder) {
        for (const part of record.parts) {
            for (const [name, graph] of Object.entries(part.graphs)) {
                const bytes = await fetchBytes(new URL(graph.file, folder));
                await checkDigest(bytes, graph);
                const isEncoder = name === "encoder";
                const session = await this.ort.InferenceSession.create(bytes, {
                    executionProviders: [this.provider.name],
                    graphOptimizationLevel: "all",
                    logSeverityLevel: 3, // where the shapes are computed is no news
                    // What the encoder found stays on the device, where the decoder reads it.
                    ...(isEncoder && this.provider.name === "webgpu"
                        ? { preferredOutputLocation: "gpu-buffer" }
                        : {}),
                });
                this.sessions.set(part.name + "." + name, session);
            }
        }
    }

    async watchDevice() {
        const device = await this.ort.env.webgpu.device;
        this.device = device;
        this.lost = device.lost.then((info) => {
            throw new RuntimeError(wording("browser.card_lost", { reason: info.message || info.reason }));
        });
        this.lost.catch(() => {});
    }

    /** Run a graph; feeds are {name: {data, dims}} or what another graph gave; so is the result. */
    async run(part, graph, feeds) {
        const session = this.sessions.get(part.name + "." + graph);
        const inputs = {};
        for (const name of session.inputNames) {
            const value = feeds[name];
            inputs[name] =
                value instanceof this.ort.Tensor
                    ? value
                    : new this.ort.Tensor("float32", value.data, value.dims);
        }
        return Promise.race([session.run(inputs), this.lost]);
    }

    async close() {
        for (const session of this.sessions.values()) {
            await session.release().catch(() => {});
        }
        this.sessions.clear();
    }
}

/** Free what graphs gave, where it lies on a graphics card. */
export function disposeTensors(values) {
    Object.values(values).forEach(
        (value) => value.dispose && value.location === "gpu-buffer" && value.dispose(),
    );
}

async function checkDigest(bytes, { file, sha256 }) {
    if (!sha256 || !globalThis.crypto.subtle) {
        return; // pages that came without encryption cannot compute digests
    }
    const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
    const text = [...digest].map((byte) => byte.toString(16).padStart(2, "0")).join("");
    if (text !== sha256) {
        throw new RuntimeError(wording("browser.damaged", { file }));
    }
}

function nameOf(url) {
    return new URL(url).pathname.split("/").pop();
}
