;; The inner loops of resampling, on plain bytes, four pixels or sixteen bytes at a time.
;;
;; Source: Pillow, src/libImaging/Resample.c, ImagingResampleHorizontal_8bpc and
;; ImagingResampleVertical_8bpc: sums of byte × weight in 32 bits, with a weight's binary point 22
;; bits from the right, half added, shifted right, and clamped to a byte.
;;
;; SIMD multiplies 16 bits by 16 and adds pairs (i32x4.dot_i16x8_s). A weight has up to 23 bits and a
;; sign, so it comes in two parts, weight = high · 4096 + low, that are summed apart and put together
;; in the end. Sums may wrap on the way; modulo 2^32 the result is the same.
;;
;; Weights come in pairs of taps, as eight bytes: high, high, low, low, each an i16. The caller pads
;; the taps of an output with zero weights, to a multiple of four (horizontal) or two (vertical).
;; What lies behind the last pixel or row is then read, and multiplied with zero.
(module
  (memory (export "memory") 1)

  ;; Two sums as four bytes: (high · 4096 + low + half) >> 22, clamped.
  (func $bytes (param $high v128) (param $low v128) (result v128)
    (i32x4.shr_s
      (i32x4.add
        (i32x4.add (i32x4.shl (local.get $high) (i32.const 12)) (local.get $low))
        (v128.const i32x4 0x200000 0x200000 0x200000 0x200000))
      (i32.const 22)))

  ;; Resamples `rows` rows of four-byte pixels: `width` of them in, `outputs` out.
  ;;
  ;; firsts: per output, the address of its first pixel from the row's start (i32).
  ;; groups: per output, the number of groups of four taps (i32).
  ;; weights: per output, `groupSize` groups of 16 bytes.
  ;; stride: bytes from one row of `into` to the next.
  (func (export "horizontal")
    (param $band i32) (param $width i32) (param $rows i32)
    (param $firsts i32) (param $groups i32) (param $weights i32)
    (param $groupSize i32) (param $outputs i32)
    (param $into i32) (param $stride i32)
    (local $x i32) (local $at i32) (local $weight i32) (local $end i32) (local $output i32)
    (local $pixels v128) (local $pair v128) (local $high v128) (local $low v128)
    (local $zero v128)
    (loop $row
      (local.set $x (i32.const 0))
      (local.set $output (local.get $into))
      (loop $column
        (local.set $at
          (i32.add
            (local.get $band)
            (i32.load (i32.add (local.get $firsts) (i32.shl (local.get $x) (i32.const 2))))))
        (local.set $weight
          (i32.add
            (local.get $weights)
            (i32.shl (i32.mul (local.get $x) (local.get $groupSize)) (i32.const 4))))
        (local.set $end
          (i32.add
            (local.get $weight)
            (i32.shl
              (i32.load (i32.add (local.get $groups) (i32.shl (local.get $x) (i32.const 2))))
              (i32.const 4))))
        (local.set $high (local.get $zero))
        (local.set $low (local.get $zero))
        (loop $group
          (local.set $pixels (v128.load (local.get $at)))
          ;; Channel by channel the first two pixels, as 16 bits, then the other two. An index out of
          ;; range gives zero, and with constant ones this is a single instruction.
          (local.set $pair
            (i8x16.swizzle (local.get $pixels)
              (v128.const i8x16 0 255 4 255 1 255 5 255 2 255 6 255 3 255 7 255)))
          (local.set $high
            (i32x4.add (local.get $high)
              (i32x4.dot_i16x8_s (local.get $pair) (v128.load32_splat (local.get $weight)))))
          (local.set $low
            (i32x4.add (local.get $low)
              (i32x4.dot_i16x8_s (local.get $pair)
                (v128.load32_splat offset=4 (local.get $weight)))))
          (local.set $pair
            (i8x16.swizzle (local.get $pixels)
              (v128.const i8x16 8 255 12 255 9 255 13 255 10 255 14 255 11 255 15 255)))
          (local.set $high
            (i32x4.add (local.get $high)
              (i32x4.dot_i16x8_s (local.get $pair)
                (v128.load32_splat offset=8 (local.get $weight)))))
          (local.set $low
            (i32x4.add (local.get $low)
              (i32x4.dot_i16x8_s (local.get $pair)
                (v128.load32_splat offset=12 (local.get $weight)))))
          (local.set $at (i32.add (local.get $at) (i32.const 16)))
          (local.set $weight (i32.add (local.get $weight) (i32.const 16)))
          (br_if $group (i32.lt_u (local.get $weight) (local.get $end))))
        ;; As $bytes does; a call would take a sixth of the time.
        (local.set $pair
          (i32x4.shr_s
            (i32x4.add
              (i32x4.add (i32x4.shl (local.get $high) (i32.const 12)) (local.get $low))
              (v128.const i32x4 0x200000 0x200000 0x200000 0x200000))
            (i32.const 22)))
        (local.set $pair (i16x8.narrow_i32x4_s (local.get $pair) (local.get $pair)))
        (v128.store32_lane 0
          (local.get $output)
          (i8x16.narrow_i16x8_u (local.get $pair) (local.get $pair)))
        (local.set $output (i32.add (local.get $output) (i32.const 4)))
        (local.set $x (i32.add (local.get $x) (i32.const 1)))
        (br_if $column (i32.lt_u (local.get $x) (local.get $outputs))))
      (local.set $band (i32.add (local.get $band) (i32.shl (local.get $width) (i32.const 2))))
      (local.set $into (i32.add (local.get $into) (local.get $stride)))
      (local.set $rows (i32.sub (local.get $rows) (i32.const 1)))
      (br_if $row (local.get $rows))))

  ;; Resamples vertically: `outputs` rows of `stride` bytes, a multiple of 16.
  ;;
  ;; firsts, pairs, weights: as above, with addresses from `image` on and pairs of taps (8 bytes).
  (func (export "vertical")
    (param $image i32) (param $stride i32)
    (param $firsts i32) (param $pairs i32) (param $weights i32)
    (param $pairSize i32) (param $outputs i32)
    (param $into i32)
    (local $y i32) (local $x i32) (local $at i32)
    (local $from i32) (local $weight i32) (local $end i32)
    (local $upper v128) (local $lower v128) (local $mixed v128) (local $two v128)
    (local $highs v128) (local $lows v128)
    (local $high0 v128) (local $high1 v128) (local $high2 v128) (local $high3 v128)
    (local $low0 v128) (local $low1 v128) (local $low2 v128) (local $low3 v128)
    (local $zero v128)
    (loop $row
      (local.set $from
        (i32.add
          (local.get $image)
          (i32.load (i32.add (local.get $firsts) (i32.shl (local.get $y) (i32.const 2))))))
      (local.set $end
        (i32.add
          (local.get $weights)
          (i32.shl
            (i32.load (i32.add (local.get $pairs) (i32.shl (local.get $y) (i32.const 2))))
            (i32.const 3))))
      (local.set $x (i32.const 0))
      (loop $block
        (local.set $high0 (local.get $zero))
        (local.set $high1 (local.get $zero))
        (local.set $high2 (local.get $zero))
        (local.set $high3 (local.get $zero))
        (local.set $low0 (local.get $zero))
        (local.set $low1 (local.get $zero))
        (local.set $low2 (local.get $zero))
        (local.set $low3 (local.get $zero))
        (local.set $at (i32.add (local.get $from) (local.get $x)))
        (local.set $weight (local.get $weights))
        (loop $pair
          (local.set $upper (v128.load (local.get $at)))
          (local.set $lower (v128.load (i32.add (local.get $at) (local.get $stride))))
          (local.set $highs (v128.load32_splat (local.get $weight)))
          (local.set $lows (v128.load32_splat offset=4 (local.get $weight)))
          (local.set $mixed
            (i8x16.shuffle 0 16 1 17 2 18 3 19 4 20 5 21 6 22 7 23
              (local.get $upper) (local.get $lower)))
          (local.set $two (i16x8.extend_low_i8x16_u (local.get $mixed)))
          (local.set $high0
            (i32x4.add (local.get $high0)
              (i32x4.dot_i16x8_s (local.get $two) (local.get $highs))))
          (local.set $low0
            (i32x4.add (local.get $low0)
              (i32x4.dot_i16x8_s (local.get $two) (local.get $lows))))
          (local.set $two (i16x8.extend_high_i8x16_u (local.get $mixed)))
          (local.set $high1
            (i32x4.add (local.get $high1)
              (i32x4.dot_i16x8_s (local.get $two) (local.get $highs))))
          (local.set $low1
            (i32x4.add (local.get $low1)
              (i32x4.dot_i16x8_s (local.get $two) (local.get $lows))))
          (local.set $mixed
            (i8x16.shuffle 8 24 9 25 10 26 11 27 12 28 13 29 14 30 15 31
              (local.get $upper) (local.get $lower)))
          (local.set $two (i16x8.extend_low_i8x16_u (local.get $mixed)))
          (local.set $high2
            (i32x4.add (local.get $high2)
              (i32x4.dot_i16x8_s (local.get $two) (local.get $highs))))
          (local.set $low2
            (i32x4.add (local.get $low2)
              (i32x4.dot_i16x8_s (local.get $two) (local.get $lows))))
          (local.set $two (i16x8.extend_high_i8x16_u (local.get $mixed)))
          (local.set $high3
            (i32x4.add (local.get $high3)
              (i32x4.dot_i16x8_s (local.get $two) (local.get $highs))))
          (local.set $low3
            (i32x4.add (local.get $low3)
              (i32x4.dot_i16x8_s (local.get $two) (local.get $lows))))
          (local.set $at
            (i32.add (local.get $at) (i32.shl (local.get $stride) (i32.const 1))))
          (local.set $weight (i32.add (local.get $weight) (i32.const 8)))
          (br_if $pair (i32.lt_u (local.get $weight) (local.get $end))))
        (v128.store
          (i32.add (local.get $into) (local.get $x))
          (i8x16.narrow_i16x8_u
            (i16x8.narrow_i32x4_s
              (call $bytes (local.get $high0) (local.get $low0))
              (call $bytes (local.get $high1) (local.get $low1)))
            (i16x8.narrow_i32x4_s
              (call $bytes (local.get $high2) (local.get $low2))
              (call $bytes (local.get $high3) (local.get $low3)))))
        (local.set $x (i32.add (local.get $x) (i32.const 16)))
        (br_if $block (i32.lt_u (local.get $x) (local.get $stride))))
      (local.set $into (i32.add (local.get $into) (local.get $stride)))
      (local.set $weights
        (i32.add (local.get $weights) (i32.shl (local.get $pairSize) (i32.const 3))))
      (local.set $y (i32.add (local.get $y) (i32.const 1)))
      (br_if $row (i32.lt_u (local.get $y) (local.get $outputs)))))

  ;; Packs rows of four-byte pixels, in place, into pixels of `channels` bytes without padding.
  ;;
  ;; order: address of 16 bytes that say which byte of four pixels goes where.
  (func (export "pack")
    (param $image i32) (param $stride i32) (param $width i32) (param $rows i32)
    (param $channels i32) (param $order i32)
    (local $to i32) (local $from i32) (local $end i32) (local $picked v128) (local $line i32)
    (local.set $picked (v128.load (local.get $order)))
    (local.set $line (local.get $image))
    (loop $row
      (local.set $to (local.get $line))
      (local.set $from (local.get $image))
      (local.set $end
        (i32.add (local.get $image) (i32.shl (local.get $width) (i32.const 2))))
      (loop $four
        (v128.store
          (local.get $to)
          (i8x16.swizzle (v128.load (local.get $from)) (local.get $picked)))
        (local.set $from (i32.add (local.get $from) (i32.const 16)))
        (local.set $to (i32.add (local.get $to) (i32.shl (local.get $channels) (i32.const 2))))
        (br_if $four (i32.lt_u (local.get $from) (local.get $end))))
      (local.set $image (i32.add (local.get $image) (local.get $stride)))
      (local.set $line
        (i32.add (local.get $line) (i32.mul (local.get $width) (local.get $channels))))
      (local.set $rows (i32.sub (local.get $rows) (i32.const 1)))
      (br_if $row (local.get $rows)))))
