;; A row of a JPEG's luma and chroma samples becomes a row of RGBX pixels, sixteen at a time, with
;; the bits of libjpeg-turbo.
;;
;; Sources, both of libjpeg-turbo: jdsample.c, h2v1_fancy_upsample and h2v2_fancy_upsample, a
;; triangle filter in whole numbers; jdcolor.c (jdcolext.c), build_ycc_rgb_table and ycc_rgb_convert:
;;
;;   R = Y + ((91881 · Cr + 32768) >> 16)
;;   G = Y + ((-22554 · Cb - 46802 · Cr + 32768) >> 16)
;;   B = Y + ((116130 · Cb + 32768) >> 16)
;;
;; with 128 taken off Cb and Cr, and the results clamped. Twice the chroma makes it fit 16 bits:
;; (2 · Cr · 22970 + 16384) >> 15 is the term of R for all of -128…127, with 29033 that of B, and
;; G's weights are even.
(module
  (memory (export "memory") 1)

  ;; luma: its row, at an even column where columns are subsampled.
  ;; cb: the chroma row that is nearest to it; with subsampled columns, one sample before that of the
  ;;   first pixel.
  ;; cbFar: the next nearest; the same one where rows are not subsampled.
  ;; distance: from Cb's samples to Cr's.
  ;; width: pixels, at least 1. Up to 15 more are written, and 15 samples more read.
  ;; bias: the rounding of even pixels, less 16 · 128.
  ;; step: what odd pixels' rounding has over that of even ones. 0: columns are not subsampled.
  ;;
  ;; Nothing is called in the loop: calls would double its time.
  (func (export "convert")
    (param $luma i32) (param $cb i32) (param $cbFar i32) (param $distance i32)
    (param $into i32) (param $width i32) (param $bias i32) (param $step i32)
    (local $end i32) (local $cr i32) (local $crFar i32)
    (local $biases v128) (local $steps v128) (local $three v128) (local $bytes v128)
    (local $half v128) (local $weights v128)
    (local $cb0 v128) (local $cb1 v128) (local $cr0 v128) (local $cr1 v128)
    (local $y0 v128) (local $y1 v128) (local $part v128)
    (local $red v128) (local $green v128) (local $blue v128)
    (local $rg0 v128) (local $rg1 v128) (local $bx0 v128) (local $bx1 v128)
    (local $evens v128) (local $odds v128)
    (local.set $end (i32.add (local.get $into) (i32.shl (local.get $width) (i32.const 2))))
    (local.set $cr (i32.add (local.get $cb) (local.get $distance)))
    (local.set $crFar (i32.add (local.get $cbFar) (local.get $distance)))
    (local.set $biases (i16x8.splat (local.get $bias)))
    (local.set $steps (i16x8.splat (local.get $step)))
    (local.set $three (i16x8.splat (i32.const 3)))
    (local.set $bytes (i16x8.splat (i32.const 255)))
    (local.set $half (i32x4.splat (i32.const 32768)))
    (local.set $weights
      (v128.const i16x8 -11277 -23401 -11277 -23401 -11277 -23401 -11277 -23401))
    (loop $sixteen
      ;; Chroma of eight even pixels and eight odd ones.
      (if (local.get $step)
        (then
          (local.set $part
            (i16x8.add (local.get $biases)
              (i16x8.mul (local.get $three)
                (i16x8.add
                  (v128.load8x8_u offset=1 (local.get $cbFar))
                  (i16x8.mul (v128.load8x8_u offset=1 (local.get $cb)) (local.get $three))))))
          (local.set $cb0
            (i16x8.shr_s
              (i16x8.add (local.get $part)
                (i16x8.add
                  (v128.load8x8_u (local.get $cbFar))
                  (i16x8.mul (v128.load8x8_u (local.get $cb)) (local.get $three))))
              (i32.const 4)))
          (local.set $cb1
            (i16x8.shr_s
              (i16x8.add (i16x8.add (local.get $part) (local.get $steps))
                (i16x8.add
                  (v128.load8x8_u offset=2 (local.get $cbFar))
                  (i16x8.mul (v128.load8x8_u offset=2 (local.get $cb)) (local.get $three))))
              (i32.const 4)))
          (local.set $cb (i32.add (local.get $cb) (i32.const 8)))
          (local.set $cbFar (i32.add (local.get $cbFar) (i32.const 8)))
          (local.set $part
            (i16x8.add (local.get $biases)
              (i16x8.mul (local.get $three)
                (i16x8.add
                  (v128.load8x8_u offset=1 (local.get $crFar))
                  (i16x8.mul (v128.load8x8_u offset=1 (local.get $cr)) (local.get $three))))))
          (local.set $cr0
            (i16x8.shr_s
              (i16x8.add (local.get $part)
                (i16x8.add
                  (v128.load8x8_u (local.get $crFar))
                  (i16x8.mul (v128.load8x8_u (local.get $cr)) (local.get $three))))
              (i32.const 4)))
          (local.set $cr1
            (i16x8.shr_s
              (i16x8.add (i16x8.add (local.get $part) (local.get $steps))
                (i16x8.add
                  (v128.load8x8_u offset=2 (local.get $crFar))
                  (i16x8.mul (v128.load8x8_u offset=2 (local.get $cr)) (local.get $three))))
              (i32.const 4)))
          (local.set $cr (i32.add (local.get $cr) (i32.const 8)))
          (local.set $crFar (i32.add (local.get $crFar) (i32.const 8))))
        (else
          (local.set $part
            (v128.xor (v128.load (local.get $cb)) (i8x16.splat (i32.const 128))))
          (local.set $cb0
            (i16x8.shr_s (i16x8.shl (local.get $part) (i32.const 8)) (i32.const 8)))
          (local.set $cb1 (i16x8.shr_s (local.get $part) (i32.const 8)))
          (local.set $cb (i32.add (local.get $cb) (i32.const 16)))
          (local.set $part
            (v128.xor (v128.load (local.get $cr)) (i8x16.splat (i32.const 128))))
          (local.set $cr0
            (i16x8.shr_s (i16x8.shl (local.get $part) (i32.const 8)) (i32.const 8)))
          (local.set $cr1 (i16x8.shr_s (local.get $part) (i32.const 8)))
          (local.set $cr (i32.add (local.get $cr) (i32.const 16)))))
      (local.set $cb0 (i16x8.shl (local.get $cb0) (i32.const 1)))
      (local.set $cb1 (i16x8.shl (local.get $cb1) (i32.const 1)))
      (local.set $cr0 (i16x8.shl (local.get $cr0) (i32.const 1)))
      (local.set $cr1 (i16x8.shl (local.get $cr1) (i32.const 1)))
      (local.set $y1 (v128.load (local.get $luma)))
      (local.set $y0 (v128.and (local.get $y1) (local.get $bytes)))
      (local.set $y1 (i16x8.shr_u (local.get $y1) (i32.const 8)))
      (local.set $red
        (i8x16.narrow_i16x8_u
          (i16x8.add (local.get $y0)
            (i16x8.q15mulr_sat_s (local.get $cr0) (i16x8.splat (i32.const 22970))))
          (i16x8.add (local.get $y1)
            (i16x8.q15mulr_sat_s (local.get $cr1) (i16x8.splat (i32.const 22970))))))
      (local.set $blue
        (i8x16.narrow_i16x8_u
          (i16x8.add (local.get $y0)
            (i16x8.q15mulr_sat_s (local.get $cb0) (i16x8.splat (i32.const 29033))))
          (i16x8.add (local.get $y1)
            (i16x8.q15mulr_sat_s (local.get $cb1) (i16x8.splat (i32.const 29033))))))
      (local.set $green
        (i8x16.narrow_i16x8_u
          (i16x8.add (local.get $y0)
            (i16x8.narrow_i32x4_s
              (i32x4.shr_s
                (i32x4.add (local.get $half)
                  (i32x4.dot_i16x8_s (local.get $weights)
                    (i8x16.shuffle 0 1 16 17 2 3 18 19 4 5 20 21 6 7 22 23
                      (local.get $cb0) (local.get $cr0))))
                (i32.const 16))
              (i32x4.shr_s
                (i32x4.add (local.get $half)
                  (i32x4.dot_i16x8_s (local.get $weights)
                    (i8x16.shuffle 8 9 24 25 10 11 26 27 12 13 28 29 14 15 30 31
                      (local.get $cb0) (local.get $cr0))))
                (i32.const 16))))
          (i16x8.add (local.get $y1)
            (i16x8.narrow_i32x4_s
              (i32x4.shr_s
                (i32x4.add (local.get $half)
                  (i32x4.dot_i16x8_s (local.get $weights)
                    (i8x16.shuffle 0 1 16 17 2 3 18 19 4 5 20 21 6 7 22 23
                      (local.get $cb1) (local.get $cr1))))
                (i32.const 16))
              (i32x4.shr_s
                (i32x4.add (local.get $half)
                  (i32x4.dot_i16x8_s (local.get $weights)
                    (i8x16.shuffle 8 9 24 25 10 11 26 27 12 13 28 29 14 15 30 31
                      (local.get $cb1) (local.get $cr1))))
                (i32.const 16))))))
      ;; Red beside green and blue beside X, then pixels, then even pixels beside odd ones.
      (local.set $rg0
        (i8x16.shuffle 0 16 1 17 2 18 3 19 4 20 5 21 6 22 7 23
          (local.get $red) (local.get $green)))
      (local.set $rg1
        (i8x16.shuffle 8 24 9 25 10 26 11 27 12 28 13 29 14 30 15 31
          (local.get $red) (local.get $green)))
      (local.set $bx0
        (i8x16.shuffle 0 16 1 17 2 18 3 19 4 20 5 21 6 22 7 23
          (local.get $blue) (local.get $bytes)))
      (local.set $bx1
        (i8x16.shuffle 8 24 9 25 10 26 11 27 12 28 13 29 14 30 15 31
          (local.get $blue) (local.get $bytes)))
      (local.set $evens
        (i8x16.shuffle 0 1 16 17 2 3 18 19 4 5 20 21 6 7 22 23
          (local.get $rg0) (local.get $bx0)))
      (local.set $odds
        (i8x16.shuffle 0 1 16 17 2 3 18 19 4 5 20 21 6 7 22 23
          (local.get $rg1) (local.get $bx1)))
      (v128.store (local.get $into)
        (i8x16.shuffle 0 1 2 3 16 17 18 19 4 5 6 7 20 21 22 23
          (local.get $evens) (local.get $odds)))
      (v128.store offset=16 (local.get $into)
        (i8x16.shuffle 8 9 10 11 24 25 26 27 12 13 14 15 28 29 30 31
          (local.get $evens) (local.get $odds)))
      (local.set $evens
        (i8x16.shuffle 8 9 24 25 10 11 26 27 12 13 28 29 14 15 30 31
          (local.get $rg0) (local.get $bx0)))
      (local.set $odds
        (i8x16.shuffle 8 9 24 25 10 11 26 27 12 13 28 29 14 15 30 31
          (local.get $rg1) (local.get $bx1)))
      (v128.store offset=32 (local.get $into)
        (i8x16.shuffle 0 1 2 3 16 17 18 19 4 5 6 7 20 21 22 23
          (local.get $evens) (local.get $odds)))
      (v128.store offset=48 (local.get $into)
        (i8x16.shuffle 8 9 10 11 24 25 26 27 12 13 14 15 28 29 30 31
          (local.get $evens) (local.get $odds)))
      (local.set $luma (i32.add (local.get $luma) (i32.const 16)))
      (local.set $into (i32.add (local.get $into) (i32.const 64)))
      (br_if $sixteen (i32.lt_u (local.get $into) (local.get $end))))))
