import { describe, expect, it } from 'vitest';
import { readAudioHeader } from './container.js';
import golden from './golden/files.json' with { type: 'json' };
import { bytesOf } from './golden/read.js';

describe('readAudioHeader', () => {
  for (const [name, { rate, bytes }] of Object.entries(golden)) {
    it(`finds the rate of ${name}`, async () => {
      const header = await readAudioHeader(new Blob([bytesOf(bytes)]));
      expect(header?.sampleRate).toBe(rate);
    });

    it(`survives ${name} cut off anywhere, and with bytes turned over`, async () => {
      const whole = bytesOf(bytes).subarray(0, 400);
      for (let length = 0; length < whole.length; length += 1) {
        await readAudioHeader(new Blob([whole.subarray(0, length)]));
        const damaged = whole.slice();
        damaged[length] = ~(damaged[length] as number);
        await readAudioHeader(new Blob([damaged]));
      }
    });
  }

  it('finds where the sound of a WAV file is, and its bytes per second', async () => {
    const header = await readAudioHeader(new Blob([bytesOf(golden.wav.bytes)]));
    expect(header).toMatchObject({ format: 'wav', dataStart: 44, bytesPerSecond: 22050 * 4 });
  });

  it('looks behind an ID3 tag, however large its pictures', async () => {
    const tag = new Uint8Array(10 + 300_000);
    tag.set([0x49, 0x44, 0x33, 4, 0, 0, 0, 300_000 >> 14, (300_000 >> 7) & 0x7f, 300_000 & 0x7f]);
    const header = await readAudioHeader(new Blob([tag, bytesOf(golden.mp3.bytes)]));
    expect(header).toMatchObject({ format: 'mp3', sampleRate: 44100 });
    expect(header?.dataStart).toBeGreaterThan(300_000);
  });

  it('finds rate and length of the sound in MP4, after the data and beside a video', async () => {
    const file = new Blob([
      box('ftyp', 'M4A '),
      box('mdat', new Uint8Array(1000)),
      box(
        'moov',
        box('mvhd', new Uint8Array(100)),
        track('vide', 0, 600),
        track('soun', 22050, 22050),
      ),
    ]);
    const header = await readAudioHeader(file);
    expect(header).toMatchObject({ format: 'mp4', sampleRate: 22050, seconds: 90 });
  });

  it('knows no rate in what is no sound', async () => {
    for (const content of ['', 'RIFF', 'Hello, world. '.repeat(100), '{"a": 1}', 'ftypftypftyp']) {
      const header = await readAudioHeader(new Blob([content]));
      expect(header?.sampleRate).toBeUndefined();
    }
  });

  it('takes no impossible rate', async () => {
    const bytes = bytesOf(golden.wav.bytes);
    for (const rate of [0, 1, 0xffffffff]) {
      new DataView(bytes.buffer).setUint32(24, rate, true);
      expect((await readAudioHeader(new Blob([bytes])))?.sampleRate).toBeUndefined();
    }
  });
});

function box(
  name: string,
  ...parts: (string | Uint8Array<ArrayBuffer>)[]
): Uint8Array<ArrayBuffer> {
  const bodies = parts.map((part) =>
    typeof part === 'string' ? new TextEncoder().encode(part) : part,
  );
  const size = 8 + bodies.reduce((sum, { length }) => sum + length, 0);
  const made = new Uint8Array(size);
  new DataView(made.buffer).setUint32(0, size);
  made.set(new TextEncoder().encode(name), 4);
  let at = 8;
  for (const body of bodies) {
    made.set(body, at);
    at += body.length;
  }
  return made;
}

function track(kind: string, rate: number, scale: number): Uint8Array<ArrayBuffer> {
  const mdhd = new Uint8Array(24);
  new DataView(mdhd.buffer).setUint32(12, scale);
  new DataView(mdhd.buffer).setUint32(16, scale * 90);
  const entry = new Uint8Array(28);
  new DataView(entry.buffer).setUint16(24, rate);
  const stsd = box('stsd', new Uint8Array(8), box('mp4a', entry));
  const handler = box('hdlr', new Uint8Array(8), kind, new Uint8Array(12));
  return box('trak', box('mdia', box('mdhd', mdhd), handler, box('minf', box('stbl', stsd))));
}
