/**
 * Power spectra of real signals of any even length.
 *
 * `fft.js` (MIT, 3 KB) transforms powers of two; it is the smallest package that also gives complex
 * transforms, on which the other lengths are built. Whisper's 400 is none, and no package that is
 * kept up has a radix of 5: for such lengths Bluestein's algorithm turns the transform into a
 * convolution.
 *
 * Source: L. I. Bluestein, "A linear filtering approach to the computation of discrete Fourier
 * transform", 1970.
 */
import FFT from 'fft.js';

/** Writes `|X[k]|²` of a frame's transform X, k of 0…size / 2, into the second array. */
export type PowerSpectrum = (frame: Float64Array, power: Float64Array) => void;

/**
 * Prepares the power spectrum of frames of one length.
 *
 * @param size - Even, 2…65,536.
 */
export function powerSpectrumOf(size: number): PowerSpectrum {
  return isPowerOfTwo(size) ? powerByFft(size) : powerByBluestein(size);
}

function powerByFft(size: number): PowerSpectrum {
  const fft = new FFT(size);
  const spectrum = new Float64Array(2 * size);
  return (frame, power) => {
    fft.realTransform(spectrum, frame);
    for (let k = 0; k <= size / 2; k += 1) power[k] = squared(spectrum, k);
  };
}

/**
 * With `nk = (n² + k² − (k − n)²) / 2`, X[k] is a chirp times the convolution of the frame times
 * that chirp with its conjugate: one multiplication of spectra of a power of two.
 */
function powerByBluestein(size: number): PowerSpectrum {
  const padded = 2 ** Math.ceil(Math.log2(2 * size - 1));
  const fft = new FFT(padded);
  const chirp = new Float64Array(2 * size);
  const conjugate = new Float64Array(2 * padded);
  for (let n = 0; n < size; n += 1) {
    // Modulo 2 · size: the angle repeats there, and large ones lose digits.
    const angle = (Math.PI * ((n * n) % (2 * size))) / size;
    chirp[2 * n] = Math.cos(angle);
    chirp[2 * n + 1] = -Math.sin(angle);
    for (const place of [n, (padded - n) % padded]) {
      conjugate[2 * place] = Math.cos(angle);
      conjugate[2 * place + 1] = Math.sin(angle);
    }
  }
  const filter = new Float64Array(2 * padded);
  fft.transform(filter, conjugate);
  const signal = new Float64Array(2 * padded);
  const spectrum = new Float64Array(2 * padded);
  return (frame, power) => {
    signal.fill(0);
    for (let n = 0; n < size; n += 1) {
      const value = frame[n] as number;
      signal[2 * n] = value * (chirp[2 * n] as number);
      signal[2 * n + 1] = value * (chirp[2 * n + 1] as number);
    }
    fft.transform(spectrum, signal);
    for (let at = 0; at < 2 * padded; at += 2) {
      const [a, b] = [spectrum[at] as number, spectrum[at + 1] as number];
      const [c, d] = [filter[at] as number, filter[at + 1] as number];
      spectrum[at] = a * c - b * d;
      spectrum[at + 1] = a * d + b * c;
    }
    fft.inverseTransform(signal, spectrum);
    // The last factor, the chirp, has length 1.
    for (let k = 0; k <= size / 2; k += 1) power[k] = squared(signal, k);
  };
}

function squared(complex: Float64Array, k: number): number {
  return (complex[2 * k] as number) ** 2 + (complex[2 * k + 1] as number) ** 2;
}

function isPowerOfTwo(size: number): boolean {
  return (size & (size - 1)) === 0;
}
