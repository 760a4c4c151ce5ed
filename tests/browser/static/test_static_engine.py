"""The parts of the page's engine against what they are ports of."""

import base64
import functools
import http.server
import io
import shutil
import threading
import zipfile
from typing import ClassVar

import numpy as np
import pytest
import torch
from signals import chirp, noise

import zoo.browser.building as building
from blocks import STFT
from zoo.audio.resampling import resample
from zoo.overlap_add import Chunking, overlap_add
from zoo.separation.pipeline import share_residual
from zoo.ui.lane_picture import LanePainter

SEND = """
const bytesOf = (samples) => {
    const bytes = new Uint8Array(samples.buffer, samples.byteOffset, samples.byteLength);
    let text = "";
    for (let at = 0; at < bytes.length; at += 32768) {
        text += String.fromCharCode(...bytes.subarray(at, at + 32768));
    }
    return btoa(text);
};
const samplesOf = (text) => {
    const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
    return new Float32Array(bytes.buffer);
};
"""


@pytest.fixture(scope="module")
def engine(chromium, tmp_path_factory):
    """A page beside the engine's modules; runs functions of them on arrays."""
    folder = tmp_path_factory.mktemp("engine") / "page"
    shutil.copytree(building.PAGE, folder)
    building.write_mixer(folder)
    handler = functools.partial(QuietHandler, directory=str(folder))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    page = chromium.new_page()
    page.goto(f"http://127.0.0.1:{server.server_address[1]}/icon.svg")

    def run(body, *arrays, **values):
        """Run JavaScript whose `inputs` are the rows of arrays and which returns rows."""
        inputs = [[as_text(row) for row in np.atleast_2d(array)] for array in arrays]
        rows = page.evaluate(
            f"""async ({{ inputs: texts, values }}) => {{
                {SEND}
                const inputs = texts.map((rows) => rows.map(samplesOf));
                const rows = await (async () => {{ {body} }})();
                return rows.map((row) => bytesOf(Float32Array.from(row)));
            }}""",
            {"inputs": inputs, "values": values},
        )
        return [np.frombuffer(base64.b64decode(row), np.float32) for row in rows]

    yield run
    page.close()
    server.shutdown()
    server.server_close()


class QuietHandler(http.server.SimpleHTTPRequestHandler):
    extensions_map: ClassVar[dict[str, str]] = {
        **http.server.SimpleHTTPRequestHandler.extensions_map,
        ".js": "text/javascript",
    }

    def log_message(self, *_arguments):
        pass


def as_text(row):
    return base64.b64encode(np.ascontiguousarray(row, dtype=np.float32).tobytes()).decode()


@pytest.mark.parametrize(("n_fft", "hop_length", "channels"), [(2048, 1024, 2), (512, 128, 3)])
def test_the_transform_is_torchs(engine, n_fft, hop_length, channels):
    samples = noise(5 * n_fft + 7, channels=channels)
    stft = STFT(n_fft=n_fft, hop_length=hop_length)
    wanted = stft(torch.from_numpy(samples)[None])[0, :, :, : n_fft // 4]
    back = torch.nn.functional.pad(wanted, (0, n_fft // 2 + 1 - n_fft // 4))[None]
    spectrogram, *rows = engine(
        """const { Stft } = await import("/engine/stft.js");
        const stft = new Stft(values);
        const spectrogram = stft.analyse(inputs[0]);
        const back = stft.synthesise(spectrogram, inputs[0].length, inputs[0][0].length);
        return [spectrogram, ...back];""",
        samples,
        nFft=n_fft,
        hopLength=hop_length,
        numBins=n_fft // 4,
    )
    np.testing.assert_allclose(spectrogram.reshape(wanted.shape), wanted, atol=2e-4)
    limited = stft.inverse(back, num_samples=samples.shape[1])[0]
    np.testing.assert_allclose(np.stack(rows), limited, atol=1e-5)


@pytest.mark.parametrize("size", [0, 1, 3, 12])
def test_a_transform_of_another_size_is_refused(engine, size):
    (told,) = engine(
        """const { FFT } = await import("/engine/fft.js");
        try {
            new FFT(values.size);
        } catch (error) {
            return [[error instanceof RangeError ? 1 : 0]];
        }
        return [[0]];""",
        size=size,
    )
    assert told[0] == 1


@pytest.mark.parametrize(
    ("from_rate", "to_rate", "edge"),
    [
        (48_000, 44_100, 0),
        (44_100, 48_000, 0),
        (22_050, 44_100, 0),
        (44_100, 96_000, 0),
        (44_099, 44_100, 200),  # soxr does not begin such ratios at the first sample
    ],
)
def test_resampling_is_soxrs_whatever_the_blocks(engine, from_rate, to_rate, edge):
    samples = chirp(seconds=0.5, rate=from_rate)
    wanted = resample(samples, from_rate=from_rate, to_rate=to_rate)
    rows = engine(
        """const { StreamResampler, joined } = await import("/engine/resampler.js");
        const resampler = new StreamResampler({ ...values, numChannels: 2 });
        let out = [new Float32Array(0), new Float32Array(0)];
        const take = (block) => (out = out.map((rest, channel) => joined(rest, block[channel])));
        for (let at = 0, step = 1; at < inputs[0][0].length; at += step, step = 3 * step + 1) {
            take(resampler.push(inputs[0].map((row) => row.slice(at, at + step))));
        }
        take(resampler.finish());
        return out;""",
        samples,
        fromRate=from_rate,
        toRate=to_rate,
    )
    got = np.stack(rows)
    assert got.shape == wanted.shape
    inner = slice(edge, wanted.shape[1] - edge)
    error = np.sqrt(np.mean((got - wanted)[:, inner] ** 2))
    assert error < 5e-4 * np.sqrt(np.mean(wanted**2))


@pytest.mark.parametrize("num_samples", [1, 30, 100, 101, 999])
@pytest.mark.parametrize(("context", "crossfade"), [(0, 0), (10, 20)])
def test_chunks_are_cut_and_joined_as_in_python(engine, num_samples, context, crossfade):
    chunking = Chunking(chunk_length=100, context=context, crossfade=crossfade, alignment=8)
    samples = noise(num_samples)

    def edge(chunks):
        return torch.cumsum(chunks, dim=-1).unsqueeze(1)  # depends on where a chunk begins

    wanted = overlap_add(edge, torch.from_numpy(samples)[None], chunking=chunking)[0, 0]
    rows = engine(
        """const { Chunking, ChunkCutter, ChunkStitcher } = await import("/engine/overlap_add.js");
        const { joined } = await import("/engine/resampler.js");
        const chunking = new Chunking(values);
        const [cutter, stitcher] = [new ChunkCutter(chunking, 2), new ChunkStitcher(chunking)];
        const chunks = [];
        for (let at = 0; at < inputs[0][0].length; at += 37) {
            chunks.push(...cutter.push(inputs[0].map((row) => row.slice(at, at + 37))));
        }
        chunks.push(...cutter.finish());
        const summed = (row) => { let sum = 0; return row.map((sample) => (sum += sample)); };
        let out = [new Float32Array(0), new Float32Array(0)];
        chunks.forEach((chunk, index) => {
            const isLast = index === chunks.length - 1;
            const before = (chunking.countChunks(cutter.numSamples) - 1) * chunking.hopLength;
            const numKept = isLast ? cutter.numSamples - before : null;
            const kept = stitcher.add(chunk.map(summed), numKept);
            out = out.map((rest, channel) => joined(rest, kept[channel]));
        });
        return out;""",
        samples,
        chunkLength=100,
        context=context,
        crossfade=crossfade,
        alignment=8,
    )
    np.testing.assert_allclose(np.stack(rows), wanted, atol=1e-5)


def test_the_residual_is_shared_out_as_in_python(engine):
    estimates, mixture = noise(500, channels=6, seed=1), noise(500, channels=2)
    estimates[4:] = 0
    wanted = share_residual(
        torch.from_numpy(estimates).reshape(3, 2, -1),
        torch.from_numpy(mixture),
        summands=range(3),
    ).reshape(6, -1)
    rows = engine(
        """const { shareResidual } = await import("/engine/pipeline.js");
        shareResidual(inputs[0], inputs[1], { share_exponent: 0.25, quietest_share: 1e-5 });
        return inputs[0];""",
        estimates,
        mixture,
    )
    np.testing.assert_allclose(np.stack(rows), wanted, atol=1e-6)


IDENTITY = """const { separateSong } = await import("/engine/pipeline.js");
    const network = {
        sources: ["a", "b"], channels: values.channels, sampleRate: 1000, silenceSeconds: 0.1,
        consistency: null,
        chunking: { chunkLength: 100, context: 10, crossfade: 20, alignment: 8 },
        separate: async (chunk) => [...chunk, ...chunk].map((row) => row.slice()),
    };
    const rows = [];
    let place = 0;
    const song = { channels: inputs[0], sampleRate: 1000 };
    for await (const { start, mixture, estimates } of separateSong(song, network)) {
        if (start !== place) { throw new Error("a gap"); }
        place += mixture[0].length;
        estimates.forEach((row, index) => (rows[index] = [...(rows[index] || []), ...row]));
    }
    return rows;"""


@pytest.mark.parametrize(("song", "network"), [(1, 1), (1, 2), (2, 2), (2, 1)])
@pytest.mark.parametrize("num_samples", [1, 99, 613])
def test_an_identity_comes_back_exactly(engine, song, network, num_samples):
    samples = noise(num_samples, channels=song)
    rows = engine(IDENTITY, samples, channels=network)
    np.testing.assert_allclose(np.stack(rows), np.concatenate([samples, samples]), atol=1e-6)


def test_too_many_channels_are_refused(engine):
    (told,) = engine(
        """const { ChannelError, ChannelPlan } = await import("/engine/pipeline.js");
        try { new ChannelPlan(6, 2); } catch (error) {
            const isKind = error instanceof ChannelError && error.message.includes("6 channels");
            return [[isKind ? 1 : 0]];
        }
        return [[0]];"""
    )
    assert told[0] == 1


def test_lanes_are_drawn_as_in_the_app(engine):
    samples = chirp(seconds=1.5)
    painter = LanePainter(num_samples=samples.shape[1], num_channels=2, sample_rate=44_100)
    painter.push(samples)
    wanted = painter.spectrogram.levels()
    levels, outline, columns = engine(
        """const { LanePainter } = await import("/engine/lane_painter.js");
        const [row] = inputs[0];
        const facts = { numSamples: row.length, numChannels: 2, sampleRate: 44100 };
        const painter = new LanePainter(facts);
        for (let at = 0; at < row.length; at += 10007) {
            painter.push(inputs[0].map((channel) => channel.slice(at, at + 10007)));
        }
        return [painter.levels(), painter.outline, painter.columnsBetween(1000, 30000)];""",
        samples,
    )
    got = levels.reshape(wanted.shape[1], 128).T[::-1]
    loud = wanted > wanted.max() - 72
    np.testing.assert_allclose(got[loud], wanted[loud], atol=0.05)
    np.testing.assert_allclose(outline, painter.outline, atol=1e-3)
    shown = painter.spectrogram.columns_between(1000, 30000)
    assert (shown.start, shown.stop) == tuple(columns.astype(int))


def test_a_zip_opens_and_names_may_be_of_any_language(engine):
    (packed,) = engine(
        """const { zipBlob } = await import("/app/zip.js");
        const files = [["\\u6b4c - vocals.wav", "one"], ["\\u6b4c - bass.wav", "three"]];
        const zip = await zipBlob(files.map(([name, text]) => ({ name, blob: new Blob([text]) })));
        return [new Uint8Array(await zip.arrayBuffer())];"""
    )
    archive = zipfile.ZipFile(io.BytesIO(packed.astype(np.uint8).tobytes()))
    assert archive.testzip() is None
    assert archive.namelist() == ["\u6b4c - vocals.wav", "\u6b4c - bass.wav"]
    assert archive.read("\u6b4c - bass.wav") == b"three"


@pytest.mark.parametrize(
    ("rate", "memory_gb", "seconds"),
    [
        (44_100, 4, (0.5 * 4 * 2**30 - 600e6) / (8 * 44_100 * 7)),
        (96_000, 64, 4e9 / (8 * 96_000 * 4)),  # the zip is the limit
        (44_100, 1, 0),
    ],
)
def test_how_long_a_song_may_be_follows_from_memory_and_zip(engine, rate, memory_gb, seconds):
    (told,) = engine(
        """const { longestSeconds } = await import("/app/song_file.js");
        return [[longestSeconds({ ...values, channels: 2, numStems: 4 })]];""",
        sampleRate=rate,
        memoryGb=memory_gb,
    )
    assert told[0] == pytest.approx(seconds, rel=1e-6)


@pytest.mark.parametrize(
    ("name", "title"),
    [
        ("a/b<c>.mp3", "a b c"),
        ("\u6b4c 1.flac", "\u6b4c 1"),
        ("???.wav", "Song"),
        ("x" * 99, "x" * 80),
    ],
)
def test_titles_are_harmless_in_a_file_name(engine, name, title):
    (codes,) = engine(
        """const { titleOf } = await import("/app/song_file.js");
        return [[...titleOf(values.name)].map((letter) => letter.codePointAt(0))];""",
        name=name,
    )
    assert "".join(chr(int(code)) for code in codes) == title
