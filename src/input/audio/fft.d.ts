/** The part of the package `fft.js` that is used here: it comes without types. */
declare module 'fft.js' {
  /** A Fourier transform of a fixed size; complex numbers lie as real, imaginary, real, … */
  export default class FFT {
    /** @param size - A power of two, at least 2. */
    constructor(size: number);
    transform(out: ArrayLike<number>, data: ArrayLike<number>): void;
    inverseTransform(out: ArrayLike<number>, data: ArrayLike<number>): void;
    /** Fills the first half of `out`, and the number after it; the rest mirrors it. */
    realTransform(out: ArrayLike<number>, data: ArrayLike<number>): void;
  }
}
