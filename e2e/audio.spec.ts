/**
 * Sounds, as a page uses them: the answers of Transformers on the same weights, every kind of source,
 * live sound, and every way of being wrong, after which the next call works.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import files from '../src/input/audio/golden/files.json' with { type: 'json' };
import clips from './audio/golden/clips.json' with { type: 'json' };
import { expect, test } from './fixtures.js';
import { meanColour, serveModel } from './models.js';

const golden = (name: string) => join(import.meta.dirname, 'audio/golden', name);

interface Golden {
  config: { id2label: Record<string, string> };
  preprocessor: Record<string, unknown>;
  logits: Record<'long' | 'short' | 'stereo44100', number[]>;
}

const names = ['ast', 'whisper', 'wav2vec2'] as const;
const answers = Object.fromEntries(
  names.map((name) => [name, JSON.parse(readFileSync(golden(`${name}.json`), 'utf8'))]),
) as Record<(typeof names)[number], Golden>;

/** A WAV file of silence that claims to be, and is, so long: 8 bits, one channel. */
function silentWav(seconds: number, rate: number): Buffer {
  const file = Buffer.alloc(44 + seconds * rate, 128);
  file.write('RIFF', 0);
  file.writeUInt32LE(file.length - 8, 4);
  file.write('WAVEfmt ', 8);
  file.writeUInt32LE(16, 16);
  file.writeUInt16LE(1, 20);
  file.writeUInt16LE(1, 22);
  file.writeUInt32LE(rate, 24);
  file.writeUInt32LE(rate, 28);
  file.writeUInt16LE(1, 32);
  file.writeUInt16LE(8, 34);
  file.write('data', 36);
  file.writeUInt32LE(seconds * rate, 40);
  return file;
}

declare global {
  interface Window {
    /** 16-bit samples in base64 as −1…1. */
    samplesOf(base64: string): Float32Array<ArrayBuffer>;
    bytesOf(base64: string): Uint8Array<ArrayBuffer>;
    createSound(
      options?: Partial<Parameters<typeof window.tabserve.AudioClassifier.create>[0]>,
    ): ReturnType<typeof window.tabserve.AudioClassifier.create>;
    /** Samples at 16 kHz as a live stream, over and over. */
    play(clip: string): Promise<{ stream: MediaStream; stop(): void }>;
    /** How a promise failed. */
    failureOf(promise: Promise<unknown>): Promise<{ code: string; message: string } | null>;
  }
}

test.beforeEach(async ({ server, open }) => {
  for (const name of names) {
    const { config, preprocessor } = answers[name];
    server.route(`/hub/${name}/config.json`, config);
    server.route(`/hub/${name}/preprocessor_config.json`, preprocessor);
    server.route(`/hub/${name}/onnx/model.onnx`, readFileSync(golden(`${name}.onnx`)));
  }
  serveModel(server, '/mean', meanColour.manifest, meanColour.model);
  const page = await open();
  await page.evaluate(() => {
    window.bytesOf = (base64) => Uint8Array.from(atob(base64), (char) => char.charCodeAt(0));
    window.samplesOf = (base64) =>
      Float32Array.from(new Int16Array(window.bytesOf(base64).buffer), (each) => each / 32768);
    window.createSound = (options = {}) =>
      window.tabserve.AudioClassifier.create({ model: '/hub/ast/', device: 'wasm', ...options });
    window.play = async (clip) => {
      const context = new AudioContext({ sampleRate: 48000 });
      await context.resume();
      const samples = window.samplesOf(clip);
      const buffer = new AudioBuffer({ length: samples.length, sampleRate: 16000 });
      buffer.copyToChannel(samples, 0);
      const source = new AudioBufferSourceNode(context, { buffer, loop: true });
      const output = new MediaStreamAudioDestinationNode(context);
      source.connect(output);
      source.start();
      return { stream: output.stream, stop: () => void context.close() };
    };
    window.failureOf = (promise) =>
      promise.then(
        () => null,
        (error: Error & { code: string }) => ({ code: error.code, message: error.message }),
      );
  });
});

/** Softmax, in order of the classes. */
function scoresOf(logits: readonly number[]): number[] {
  const powers = logits.map((each) => Math.exp(each - Math.max(...logits)));
  const sum = powers.reduce((a, b) => a + b);
  return powers.map((each) => each / sum);
}

for (const name of names) {
  test(`${name}: the scores of Transformers and torchaudio, on files and samples`, async ({
    page,
  }) => {
    const found = await page.evaluate(
      async ({ name, clips }) => {
        const classifier = await window.createSound({ model: `/hub/${name}/` });
        const reports: unknown[] = [];
        classifier.addEventListener('request', ({ detail }) => reports.push(detail.preprocessing));
        const left = window.samplesOf(clips.stereo44100);
        const sounds = {
          long: { samples: window.samplesOf(clips.long), sampleRate: 16000 },
          short: { samples: [window.samplesOf(clips.short)], sampleRate: 16000 },
          stereo44100: { samples: [left, left.map((each) => each / 2)], sampleRate: 44100 },
        };
        const scores: Record<string, number[]> = {};
        for (const [key, sound] of Object.entries(sounds)) {
          const answer = await classifier.classify(sound);
          scores[key] = answer.sort((a, b) => a.index - b.index).map(({ score }) => score);
        }
        const { model, fallbacks } = classifier.info;
        return { scores, reports, model, fallbacks, intact: left.length };
      },
      { name, clips },
    );
    for (const [key, logits] of Object.entries(answers[name].logits)) {
      for (const [index, expected] of scoresOf(logits).entries()) {
        expect(found.scores[key]?.[index], `${key} ${index}`).toBeCloseTo(expected, 4);
      }
    }
    expect(found.intact).toBe(26460);
    expect(found.model.labels).toEqual(Object.values(answers[name].config.id2label));
    expect(found.model).toMatchObject({ samplingRate: 16000 });
    expect(found.fallbacks).toEqual([]);
    const heard = name === 'ast' ? 0.655 : name === 'whisper' ? 1 : 1.3;
    expect(found.reports[0]).toEqual({
      seconds: expect.closeTo(heard, 6),
      isTruncated: name !== 'wav2vec2',
      resampledFrom: null,
      isBrowserResampled: false,
    });
    expect(found.reports[2]).toMatchObject({ resampledFrom: 44100, isTruncated: false });
  });
}

test('every kind of source gives the answer of its samples, decoded at its own rate', async ({
  page,
  server,
}) => {
  server.route('/sounds/clip.wav', Buffer.from(files.wav.bytes, 'base64'));
  const found = await page.evaluate(async (wav) => {
    const classifier = await window.createSound();
    const rates: unknown[] = [];
    classifier.addEventListener('request', ({ detail }) =>
      rates.push([detail.preprocessing.resampledFrom, detail.preprocessing.isBrowserResampled]),
    );
    const bytes = window.bytesOf(wav.bytes);
    const decoded = await new OfflineAudioContext(2, 1, wav.rate).decodeAudioData(
      bytes.slice().buffer,
    );
    const blob = new Blob([bytes]);
    const sources = [
      { samples: [decoded.getChannelData(0), decoded.getChannelData(1)], sampleRate: wav.rate },
      decoded,
      blob,
      new File([blob], 'clip.wav'),
      bytes,
      bytes.buffer,
      new DataView(bytes.buffer),
      '/sounds/clip.wav',
      new URL('/sounds/clip.wav', location.href),
      URL.createObjectURL(blob),
      `data:audio/wav;base64,${wav.bytes}`,
    ];
    const together = await classifier.classify(sources, { topK: 1 });
    return { together: together.map((each) => each[0]), rates, intact: bytes.byteLength };
  }, files.wav);
  for (const best of found.together) expect(best).toEqual(found.together[0]);
  expect(found.together).toHaveLength(11);
  for (const each of found.rates) expect(each).toEqual([22050, false]);
  expect(found.intact).toBeGreaterThan(4000);
});

test('files of many formats are decoded at the rate that their header says', async ({ page }) => {
  const found = await page.evaluate(async (files) => {
    const classifier = await window.createSound();
    let report: unknown;
    classifier.addEventListener('request', ({ detail }) => {
      report = detail.preprocessing;
    });
    const found: Record<string, unknown> = {};
    for (const [name, { bytes }] of Object.entries(files)) {
      const failure = await window.failureOf(classifier.classify(window.bytesOf(bytes)));
      found[name] = failure ?? report;
    }
    return found;
  }, files);
  for (const [name, { rate }] of Object.entries(files)) {
    if (name === 'aiff') {
      expect(found[name]).toMatchObject({ code: 'audio-undecodable' });
      continue;
    }
    expect(found[name], name).toMatchObject({ resampledFrom: rate, isBrowserResampled: false });
  }
});

test('recordings, and files whose header is not understood, are decoded too', async ({ page }) => {
  const found = await page.evaluate(
    async ({ clip, wav }) => {
      const classifier = await window.createSound();
      let report: unknown;
      classifier.addEventListener('request', ({ detail }) => {
        report = detail.preprocessing;
      });
      const found: Record<string, unknown> = {};
      for (const type of ['audio/webm;codecs=opus', 'audio/mp4;codecs=opus']) {
        if (!MediaRecorder.isTypeSupported(type)) continue;
        const { stream, stop } = await window.play(clip);
        const recorder = new MediaRecorder(stream, { mimeType: type });
        const parts: Blob[] = [];
        recorder.ondataavailable = ({ data }) => parts.push(data);
        recorder.start();
        await new Promise((resolve) => setTimeout(resolve, 800));
        const stopped = new Promise((resolve) => {
          recorder.onstop = resolve;
        });
        recorder.stop();
        await stopped;
        stop();
        const failure = await window.failureOf(classifier.classify(new Blob(parts)));
        found[type.slice(6, 10).replace(';', '')] = failure ?? report;
      }
      // A chunk of 100 KB before the one with the rate, past which nobody looks for it.
      const [riff, rest] = [window.bytesOf(wav).slice(0, 12), window.bytesOf(wav).slice(12)];
      const notes = new Uint8Array(8 + 100_000);
      notes.set(new TextEncoder().encode('LIST'));
      new DataView(notes.buffer).setUint32(4, 100_000, true);
      new DataView(riff.buffer).setUint32(4, 4 + notes.length + rest.length, true);
      const padded = new Blob([riff, notes, rest]);
      found.padded = (await window.failureOf(classifier.classify(padded))) ?? report;
      return found;
    },
    { clip: clips.long, wav: files.wav.bytes },
  );
  expect(found.webm).toMatchObject({ resampledFrom: 48000, isBrowserResampled: false });
  if (found.mp4) {
    expect(found.mp4).toMatchObject({ resampledFrom: 48000, isBrowserResampled: false });
  }
  expect(found.padded).toMatchObject({ resampledFrom: 48000, isBrowserResampled: true });
});

for (const way of ['a track processor', 'an audio worklet'] as const) {
  test(`the windows of a live sound hold it, by ${way}`, async ({ page }) => {
    const found = await page.evaluate(
      async ({ clip, way }) => {
        const scope = window as { MediaStreamTrackProcessor?: unknown };
        if (way === 'an audio worklet') scope.MediaStreamTrackProcessor = undefined;
        const classifier = await window.createSound();
        const { stream, stop } = await window.play(clip);
        const answers: { label?: string | undefined; time: number }[] = [];
        for await (const heard of classifier.watch(stream, { seconds: 0.6 })) {
          answers.push({ label: heard.classifications[0]?.label, time: heard.time });
          if (answers.length === 3) break;
        }
        const isLive = stream.getAudioTracks()[0]?.readyState;
        stop();
        return { answers, isLive };
      },
      { clip: clips.long, way },
    );
    expect(found.answers).toHaveLength(3);
    for (const { label } of found.answers) expect(label).toMatch(/^sound \d$/);
    expect(found.isLive).toBe('live');
  });
}

test('a live sound is heard window after window, the newest first', async ({ page }) => {
  const found = await page.evaluate(async (clip) => {
    const classifier = await window.createSound();
    const { stream } = await window.play(clip);
    const times: number[] = [];
    let skipped = 0;
    let labels = 0;
    for await (const heard of classifier.watch(stream, { seconds: 0.5, hop: 0.1 })) {
      times.push(heard.time);
      skipped += heard.skippedSeconds;
      labels = heard.classifications.length;
      // Slower than the sound: what passes meanwhile is let go.
      if (times.length === 2) await new Promise((resolve) => setTimeout(resolve, 1500));
      if (times.length === 4) break;
    }
    const controller = new AbortController();
    const aborted = (async () => {
      for await (const _ of classifier.watch(stream, { signal: controller.signal })) {
        controller.abort(new Error('enough'));
      }
    })().catch((error: Error) => error.message);
    const reason = await aborted;
    const [track] = stream.getAudioTracks();
    const isAlive = track?.readyState;
    const ending = (async () => {
      let count = 0;
      for await (const _ of classifier.watch(stream, { seconds: 0.2 })) {
        count += 1;
        track?.stop();
        track?.dispatchEvent(new Event('ended'));
      }
      return count;
    })();
    const count = await ending;
    const dead = await window.failureOf(classifier.watch(stream).next());
    return { times, skipped, labels, reason, isAlive, count, dead };
  }, clips.long);
  expect(found.labels).toBe(5);
  expect(found.times[0]).toBeGreaterThanOrEqual(0.5);
  expect(found.times[2] as number).toBeGreaterThan((found.times[1] as number) + 1);
  expect(found.skipped).toBeGreaterThan(0.5);
  expect(found.reason).toBe('enough');
  expect(found.isAlive).toBe('live');
  // A window may have filled up before the track ended; after it there is none.
  expect([1, 2]).toContain(found.count);
  expect(found.dead?.code).toBe('invalid-argument');
});

test('what is no sound is one clear error, and the next call works', async ({ page, server }) => {
  server.route('/sounds/page.html', Buffer.from('<!doctype html>'));
  const found = await page.evaluate(async () => {
    const classifier = await window.createSound();
    const samples = Float32Array.from({ length: 8000 }, (_, at) => Math.sin(at / 9));
    const withNaN = samples.slice();
    withNaN[77] = Number.NaN;
    const detached = samples.slice();
    structuredClone(detached, { transfer: [detached.buffer] });
    const wrong: Record<string, unknown> = {
      empty: { samples: new Float32Array(0), sampleRate: 16000 },
      noChannels: { samples: [], sampleRate: 16000 },
      detached: { samples: detached, sampleRate: 16000 },
      emptyFile: new Blob([]),
      nan: { samples: withNaN, sampleRate: 16000 },
      infinite: { samples: Float32Array.of(...samples, Infinity), sampleRate: 16000 },
      short: { samples: samples.subarray(0, 399), sampleRate: 16000 },
      noRate: samples,
      wrongRate: { samples, sampleRate: 0 },
      uneven: { samples: [samples, samples.subarray(1)], sampleRate: 16000 },
      doubles: { samples: Array.from(samples), sampleRate: 16000 },
      text: new Blob(['Hello, world. '.repeat(1000)]),
      html: '/sounds/page.html',
      missing: '/sounds/missing.wav',
      damaged: new Blob(['RIFF\0\0\0\0WAVEfmt ', new Uint8Array(5000)]),
      number: 5,
      nothing: null,
      image: document.createElement('img'),
    };
    const failures: Record<string, { code: string; message: string } | null> = {};
    const after: (string | undefined)[] = [];
    for (const [name, sound] of Object.entries(wrong)) {
      failures[name] = await window.failureOf(classifier.classify(sound as Blob));
      const [best] = await classifier.classify({ samples, sampleRate: 16000 });
      after.push(best?.label);
    }
    const list = [
      { samples, sampleRate: 16000 },
      { samples: withNaN, sampleRate: 16000 },
    ];
    const place = await classifier.classify(list).catch((error) => error.details.sound);
    return { failures, after, place };
  });
  const codes = Object.fromEntries(
    Object.entries(found.failures).map(([name, failure]) => [name, failure?.code]),
  );
  expect(codes).toEqual({
    empty: 'audio-undecodable',
    noChannels: 'audio-undecodable',
    detached: 'audio-undecodable',
    emptyFile: 'audio-undecodable',
    nan: 'invalid-argument',
    infinite: 'invalid-argument',
    short: 'audio-undecodable',
    noRate: 'invalid-argument',
    wrongRate: 'invalid-argument',
    uneven: 'invalid-argument',
    doubles: 'invalid-argument',
    text: 'audio-undecodable',
    html: 'audio-undecodable',
    missing: 'network',
    damaged: 'audio-undecodable',
    number: 'invalid-argument',
    nothing: 'invalid-argument',
    image: 'invalid-argument',
  });
  expect(found.failures.nan?.message).toMatch(/Sample 77 .* NaN/);
  expect(found.failures.noRate?.message).toMatch(/\{ samples, sampleRate \}/);
  expect(found.failures.missing?.message).toMatch(/missing\.wav answered HTTP 404/);
  expect(found.place).toBe(1);
  expect(new Set(found.after).size).toBe(1);
});

test('of three hours the beginning is taken, which the report says', async ({ page, server }) => {
  const hours = silentWav(3 * 3600, 8000);
  server.route('/sounds/long.wav', hours);
  const found = await page.evaluate(async () => {
    const classifier = await window.createSound({ model: '/hub/wav2vec2/', maxSeconds: 20 });
    const reports: { seconds: number; isTruncated: boolean }[] = [];
    classifier.addEventListener('request', ({ detail }) => reports.push(detail.preprocessing));
    const samples = new Float32Array(3 * 3600 * 8000);
    await classifier.classify({ samples, sampleRate: 8000 });
    await classifier.classify('/sounds/long.wav');
    await classifier.classify({ samples: samples.subarray(0, 8000), sampleRate: 8000 });
    return reports;
  });
  expect(found.map(({ seconds, isTruncated }) => [seconds, isTruncated])).toEqual([
    [20, true],
    [20, true],
    [1, false],
  ]);
});

test('a signal ends a call at once: during the download, the decoding and the wait', async ({
  page,
  server,
}) => {
  server.route('/sounds/never.wav', () => undefined);
  const found = await page.evaluate(async () => {
    const classifier = await window.createSound();
    const hanging = new AbortController();
    const download = classifier.classify('/sounds/never.wav', { signal: hanging.signal });
    setTimeout(() => hanging.abort(new Error('enough')), 300);
    const reason = await download.catch((error: Error) => error.message);
    const late = await window.failureOf(classifier.classify('/sounds/never.wav', { timeout: 300 }));
    const samples = Float32Array.from({ length: 8000 }, (_, at) => Math.sin(at / 9));
    const sound = { samples, sampleRate: 16000 };
    const before = await classifier
      .classify(sound, { signal: AbortSignal.abort(new Error('before')) })
      .catch((error: Error) => error.message);
    const [best] = await classifier.classify(sound);
    classifier.destroy();
    const gone = await window.failureOf(classifier.classify(sound));
    return { reason, late, before, best: best?.label, gone };
  });
  expect(found.reason).toBe('enough');
  expect(found.late?.code).toBe('timeout');
  expect(found.before).toBe('before');
  expect(found.best).toMatch(/^sound \d$/);
  expect(found.gone?.code).toBe('destroyed');
});

test('wrong models: which class to use, which file is missing, which field is wrong', async ({
  page,
  server,
}) => {
  const { config, preprocessor } = answers.ast;
  const serve = (path: string, extractor?: object, graph = 'ast') => {
    server.route(`${path}/config.json`, { ...config, model_type: 'audio-spectrogram-transformer' });
    if (extractor) server.route(`${path}/preprocessor_config.json`, extractor);
    server.route(`${path}/onnx/model.onnx`, readFileSync(golden(`${graph}.onnx`)));
  };
  serve('/hub/bare');
  serve('/hub/unknown', { ...preprocessor, feature_extractor_type: 'ClapFeatureExtractor' });
  serve('/hub/rate', { ...preprocessor, sampling_rate: 'fast' });
  serve('/hub/frames', { ...preprocessor, max_length: 1e9 });
  serve('/hub/other', { ...preprocessor, max_length: 65 });
  serve('/hub/swapped', preprocessor, 'wav2vec2');
  const found = await page.evaluate(async () => {
    const { AudioClassifier, ImageClassifier } = window.tabserve;
    const found: Record<string, { code: string; message: string } | null> = {};
    for (const name of ['bare', 'unknown', 'rate', 'frames', 'other', 'swapped']) {
      found[name] = await window.failureOf(window.createSound({ model: `/hub/${name}/` }));
    }
    found.picture = await window.failureOf(window.createSound({ model: '/mean/model.json' }));
    found.sound = await window.failureOf(
      ImageClassifier.create({ model: '/hub/ast/', device: 'wasm' }),
    );
    found.none = await window.failureOf(AudioClassifier.create({} as never));
    found.seconds = await window.failureOf(window.createSound({ maxSeconds: 1e9 }));
    const classifier = await window.createSound();
    found.label = await window.failureOf(
      classifier.classify(
        { samples: new Float32Array(800), sampleRate: 16000 },
        { allow: ['dog'] },
      ),
    );
    const [best] = await classifier.classify({ samples: new Float32Array(800), sampleRate: 16000 });
    return {
      found,
      best: best?.label,
      availability: await AudioClassifier.availability({ model: '/hub/ast/' }),
    };
  });
  const { found: failures } = found;
  expect(failures.bare?.code).toBe('model-not-found');
  expect(failures.bare?.message).toContain(`${server.origin}/hub/bare/preprocessor_config.json`);
  expect(failures.unknown?.message).toMatch(
    /feature_extractor_type.*ClapFeatureExtractor.*ASTFeatureExtractor/,
  );
  expect(failures.rate?.message).toMatch(/sampling_rate.*fast/);
  expect(failures.frames?.message).toMatch(/max_length.*60000/);
  expect(failures.other).toMatchObject({
    code: 'model-invalid',
    message: expect.stringMatching(/65/),
  });
  expect(failures.swapped).toMatchObject({ code: 'model-invalid' });
  expect(failures.picture?.message).toMatch(/Use ImageClassifier/);
  expect(failures.sound?.message).toMatch(/Use AudioClassifier/);
  expect(failures.none).toMatchObject({ code: 'invalid-argument' });
  expect(failures.seconds).toMatchObject({ code: 'invalid-argument' });
  expect(failures.label).toMatchObject({ code: 'invalid-argument' });
  expect(found.best).toMatch(/^sound \d$/);
  expect(found.availability).toBe('available');
});
