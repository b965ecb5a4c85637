/**
 * What a sound file's header says: the rate at which it is to be decoded, and how many bytes of it
 * hold so many seconds.
 *
 * `decodeAudioData` resamples to the rate of its context and does not tell the file's own, so that
 * has to be known before. Only headers are read here; what is in the file, the browser decodes.
 *
 * Sources: RIFF and EA IFF 85; RFC 9639 (FLAC), 3533 and 7845 (Ogg, Opus); ISO 11172-3 and 13818-7
 * (MPEG audio, ADTS); ISO 14496-12 (MP4); RFC 8794 and 9559 (EBML, Matroska); id3.org (ID3v2).
 */
import { maxSampleRate, minSampleRate } from './resample.js';

/** What is known of a file. */
export interface AudioHeader {
  format: 'wav' | 'aiff' | 'flac' | 'ogg' | 'mp3' | 'aac' | 'mp4' | 'webm';
  /** Hz; `undefined` where the header does not say it, or not in a way that is understood. */
  sampleRate?: number | undefined;
  /** Bytes before the sound. */
  dataStart: number;
  /** At most so many bytes hold one second. `undefined` for a file that cannot be cut. */
  bytesPerSecond?: number | undefined;
  /** Of the whole file. */
  seconds?: number | undefined;
}

/** Bytes that are looked at for a header; of MP4's index, many more. */
const headBytes = 1 << 16;
const maxIndexBytes = 1 << 24;
/** Boxes and chunks of a file; more are taken for damage. */
const maxBoxes = 1000;

/** Most bytes of a second of MP3: 320 kbit/s. */
const mp3Bytes = 40_000;
/** Most bytes of a second of Vorbis, Opus and AAC, with a margin: 512 kbit/s. */
const lossyBytes = 64_000;

/** Reads a file's header. `undefined` for a format that is not known here. */
export async function readAudioHeader(file: Blob): Promise<AudioHeader | undefined> {
  const start = await tagEnd(file);
  const head = await bytesAt(file, start, headBytes);
  const header = await headerOf(file, head);
  if (!header) return undefined;
  const { sampleRate = 0 } = header;
  const isPossible =
    Number.isInteger(sampleRate) && sampleRate >= minSampleRate && sampleRate <= maxSampleRate;
  return {
    ...header,
    sampleRate: isPossible ? sampleRate : undefined,
    dataStart: header.dataStart + start,
  };
}

async function headerOf(file: Blob, head: DataView): Promise<AudioHeader | undefined> {
  switch (text(head, 0, 4)) {
    case 'RIFF':
    case 'RF64':
      return text(head, 8, 4) === 'WAVE' ? wav(head) : undefined;
    case 'FORM':
      return /^AIF[FC]$/.test(text(head, 8, 4)) ? aiff(head) : undefined;
    case 'fLaC':
      return { format: 'flac', ...streamInfo(head, 8) };
    case 'OggS':
      return ogg(head);
    case '\x1aE\xdf\xa3':
      return { format: 'webm', sampleRate: webmRate(head), dataStart: 0 };
  }
  return text(head, 4, 4) === 'ftyp' ? mp4(file) : mpeg(head);
}

/** Where an ID3v2 tag ends, which may hold pictures of any size. */
async function tagEnd(file: Blob): Promise<number> {
  const head = await bytesAt(file, 0, 10);
  if (text(head, 0, 3) !== 'ID3' || head.byteLength < 10) return 0;
  const size = [6, 7, 8, 9].reduce((sum, at) => sum * 128 + (head.getUint8(at) & 0x7f), 0);
  return Math.min(size + 10, file.size);
}

function wav(head: DataView): AudioHeader {
  const header: AudioHeader = { format: 'wav', dataStart: 0 };
  for (const { name, at } of chunks(head, 12, true)) {
    if (name === 'fmt ' && at + 12 <= head.byteLength) {
      header.sampleRate = head.getUint32(at + 4, true);
      header.bytesPerSecond = head.getUint32(at + 8, true) || undefined;
    }
    if (name === 'data') return { ...header, dataStart: at };
  }
  // Without the place of the sound it cannot be cut.
  return { ...header, bytesPerSecond: undefined };
}

function aiff(head: DataView): AudioHeader {
  for (const { name, at } of chunks(head, 12, false)) {
    if (name !== 'COMM' || at + 18 > head.byteLength) continue;
    // An 80-bit float: its exponent, and 64 bits of which the upper 32 are plenty.
    const exponent = head.getUint16(at + 8) - 16383;
    const rate = head.getUint32(at + 10) * 2 ** (exponent - 31);
    return { format: 'aiff', sampleRate: Math.round(rate), dataStart: 0 };
  }
  return { format: 'aiff', dataStart: 0 };
}

/** FLAC's STREAMINFO, in a FLAC file or in Ogg. */
function streamInfo(head: DataView, at: number): Omit<AudioHeader, 'format'> {
  if (at + 18 > head.byteLength) return { dataStart: 0 };
  const packed = head.getUint32(at + 10);
  const sampleRate = packed >>> 12;
  const channels = ((packed >>> 9) & 7) + 1;
  const bits = ((packed >>> 4) & 31) + 1;
  // A frame that does not compress is stored as it is, with a few bytes around it.
  const bytesPerSecond = Math.ceil(sampleRate * channels * (bits / 8) * 1.05) || undefined;
  return { sampleRate, bytesPerSecond, dataStart: headBytes };
}

function ogg(head: DataView): AudioHeader {
  const header = { format: 'ogg', dataStart: headBytes, bytesPerSecond: lossyBytes } as const;
  if (head.byteLength < 28) return header;
  const packet = 27 + head.getUint8(26);
  if (packet + 40 > head.byteLength) return header;
  if (text(head, packet, 8) === 'OpusHead') return { ...header, sampleRate: 48_000 };
  if (text(head, packet, 7) === '\x01vorbis') {
    return { ...header, sampleRate: head.getUint32(packet + 12, true) };
  }
  if (text(head, packet, 5) === '\x7fFLAC') return { ...header, ...streamInfo(head, packet + 17) };
  return header;
}

const mpegRates = [44_100, 48_000, 32_000];
const aacRates = [
  96_000, 88_200, 64_000, 48_000, 44_100, 32_000, 24_000, 22_050, 16_000, 12_000, 11_025, 8000,
  7350,
];

/** MPEG audio or ADTS: the first frame, wherever it starts. */
function mpeg(head: DataView): AudioHeader | undefined {
  for (let at = 0; at + 4 <= head.byteLength; at += 1) {
    if (head.getUint8(at) !== 0xff) continue;
    const second = head.getUint8(at + 1);
    const third = head.getUint8(at + 2);
    if ((second & 0xf6) === 0xf0) {
      const sampleRate = aacRates[(third >> 2) & 15];
      if (sampleRate === undefined) continue;
      return { format: 'aac', sampleRate, dataStart: at, bytesPerSecond: lossyBytes };
    }
    const [version, layer, rate] = [(second >> 3) & 3, (second >> 1) & 3, (third >> 2) & 3];
    const isFrame = (second & 0xe0) === 0xe0 && version !== 1 && layer !== 0;
    const bitrate = third >> 4;
    if (!isFrame || bitrate === 0 || bitrate === 15 || rate === 3) continue;
    const divisor = { 3: 1, 2: 2, 0: 4 }[version] ?? 1;
    const sampleRate = (mpegRates[rate] as number) / divisor;
    return { format: 'mp3', sampleRate, dataStart: at + 4096, bytesPerSecond: mp3Bytes };
  }
  return undefined;
}

async function mp4(file: Blob): Promise<AudioHeader> {
  const header: AudioHeader = { format: 'mp4', dataStart: 0 };
  let at = 0;
  for (let count = 0; count < maxBoxes && at + 8 <= file.size; count += 1) {
    const head = await bytesAt(file, at, 16);
    const box = boxAt(head, 0, file.size - at);
    if (!box) break;
    if (box.name === 'moov' && box.size <= maxIndexBytes) {
      const index = await bytesAt(file, at, box.size);
      return { ...header, ...soundTrack(index, box.body) };
    }
    at += box.size;
  }
  return header;
}

/** The first track of sound in `moov`. */
function soundTrack(index: DataView, from: number): Pick<AudioHeader, 'sampleRate' | 'seconds'> {
  for (const trak of boxes(index, from, index.byteLength, 'trak')) {
    for (const mdia of boxes(index, trak.body, trak.end, 'mdia')) {
      const [hdlr] = boxes(index, mdia.body, mdia.end, 'hdlr');
      const [mdhd] = boxes(index, mdia.body, mdia.end, 'mdhd');
      if (!hdlr || !mdhd || text(index, hdlr.body + 8, 4) !== 'soun') continue;
      const isLong = mdhd.body < index.byteLength && index.getUint8(mdhd.body) === 1;
      const time = mdhd.body + (isLong ? 20 : 12);
      if (time + 12 > index.byteLength) return {};
      const scale = index.getUint32(time);
      const duration = isLong ? Number(index.getBigUint64(time + 4)) : index.getUint32(time + 4);
      const seconds = scale > 0 ? duration / scale : undefined;
      for (const minf of boxes(index, mdia.body, mdia.end, 'minf')) {
        for (const stbl of boxes(index, minf.body, minf.end, 'stbl')) {
          const [stsd] = boxes(index, stbl.body, stbl.end, 'stsd');
          // One sample entry: its size and name, then 24 bytes, then the rate as 16.16.
          const rate = (stsd?.body ?? index.byteLength) + 8 + 32;
          if (rate + 4 > index.byteLength) continue;
          const isOpus = text(index, rate - 28, 4) === 'Opus';
          return { sampleRate: isOpus ? 48_000 : index.getUint16(rate), seconds };
        }
      }
    }
  }
  return {};
}

interface Box {
  name: string;
  /** Where its content starts and ends. */
  body: number;
  end: number;
  size: number;
}

function boxAt(view: DataView, at: number, left: number): Box | undefined {
  if (at + 8 > view.byteLength) return undefined;
  let [size, header] = [view.getUint32(at), 8];
  if (size === 1 && at + 16 <= view.byteLength) {
    size = Number(view.getBigUint64(at + 8));
    header = 16;
  } else if (size === 0) size = left;
  if (size < header || size > left) return undefined;
  return { name: text(view, at + 4, 4), body: at + header, end: at + size, size };
}

function boxes(view: DataView, from: number, end: number, name: string): Box[] {
  const found: Box[] = [];
  let at = from;
  for (let count = 0; count < maxBoxes; count += 1) {
    const box = boxAt(view, at, end - at);
    if (!box) break;
    if (box.name === name) found.push(box);
    at = box.end;
  }
  return found;
}

/**
 * The rate of the sound in WebM. Its elements are not walked but looked for: the codec's name, and
 * `OutputSamplingFrequency` (78 B5) or `SamplingFrequency` (B5) with a float after it.
 */
function webmRate(head: DataView): number | undefined {
  let rate: number | undefined;
  for (let at = 0; at + 10 <= head.byteLength; at += 1) {
    if (text(head, at, 6) === 'A_OPUS') return 48_000;
    if (head.getUint8(at) !== 0xb5) continue;
    const size = head.getUint8(at + 1) & 0x7f;
    const value =
      size === 4 ? head.getFloat32(at + 2) : size === 8 ? head.getFloat64(at + 2) : undefined;
    if (value !== undefined && value >= minSampleRate && value <= maxSampleRate) {
      const isOutput = at > 0 && head.getUint8(at - 1) === 0x78;
      if (isOutput || rate === undefined) rate = value;
    }
  }
  return rate;
}

function* chunks(head: DataView, from: number, littleEndian: boolean) {
  let at = from;
  for (let count = 0; count < maxBoxes && at + 8 <= head.byteLength; count += 1) {
    yield { name: text(head, at, 4), at: at + 8 };
    const size = head.getUint32(at + 4, littleEndian);
    at += 8 + size + (size % 2);
  }
}

function text(view: DataView, at: number, length: number): string {
  const end = Math.min(at + length, view.byteLength);
  let found = '';
  for (let place = at; place < end; place += 1) found += String.fromCharCode(view.getUint8(place));
  return found;
}

async function bytesAt(file: Blob, at: number, length: number): Promise<DataView> {
  return new DataView(await file.slice(at, at + length).arrayBuffer());
}
