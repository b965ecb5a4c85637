/**
 * A direct kernel for depthwise convolutions, in place of what ONNX Runtime's library of kernels (MLAS)
 * does in WebAssembly: it writes each channel's patches out and multiplies them with a matrix of one row,
 * which takes a third of a MobileNet's run for a fifteenth of its multiplications.
 *
 * The kernel stands before MLAS's function for one segment of one group (`MlasConvOperation` in
 * `onnxruntime/core/mlas/lib/convolve.cpp`), which each of the engine's threads calls for its share of
 * the channels. It computes the same bits: sums run over the taps in the same order, products are
 * rounded before they are added, and where MLAS adds in another order (the last outputs, when they are
 * taken four at a time) it does so too.
 *
 * It takes float32 with one input and one output per group, 3 × 3 or 5 × 5 with the same stride (1 or 2)
 * in both directions, no dilation, any padding, at least 4 × 4 outputs, rows of up to 650 columns (and
 * more for smaller filters and strides), with a bias or without, followed by nothing, Relu or Clip. What it
 * does not take it leaves as it is.
 *
 * How: rows go into the buffer that MLAS has for patches, with their padding, and for stride 2 with even
 * columns before odd ones. From there four rows of four outputs are computed at a time, so that what is
 * loaded serves up to four rows. What is left below four overlaps what is there already.
 */

/** Sizes that are unrolled; all are odd, and their squares 1 more than a multiple of four. */
const sizes = [3, 5] as const;
const strides = [1, 2] as const;

/** Rows and columns that are computed at a time. */
const tile = 4;

/**
 * Bytes of the buffer that are used: less than the first cache of usual processors, of which the outputs
 * need some. The buffer has 128 × 128 numbers for each thread.
 */
const bufferBytes = 28 * 1024;

/** Where MLAS keeps what of a convolution: offsets in its `MLAS_CONV_PARAMETERS`. */
const parameters = {
  activation: 0,
  dimensions: 4,
  inputChannels: 16,
  inputHeight: 24,
  inputWidth: 28,
  kernelHeight: 36,
  kernelWidth: 40,
  dilationHeight: 48,
  dilationWidth: 52,
  paddingTop: 60,
  paddingLeft: 64,
  strideHeight: 84,
  strideWidth: 88,
  filterCount: 96,
  outputHeight: 100,
  outputWidth: 104,
  outputSize: 116,
  /** What becomes of the numbers that are in the output already: 0 where they are overwritten. */
  beta: 124,
} as const;

/** `MLAS_ACTIVATION`: which (0 is none), and for Clip its ends. */
const activation = { kind: 0, least: 4, most: 8, relu: 1, clip: 5 } as const;

const range = (length: number) => Array.from({ length }, (_, at) => at);
const load = (name: keyof typeof parameters) =>
  `(i32.load offset=${parameters[name]} (local.get $p))`;
const add = (...terms: string[]) => terms.reduce((sum, term) => `(i32.add ${sum} ${term})`);
const refuse = (condition: string) => `(if ${condition} (then (return (i32.const 0))))`;
const isNot = (value: string, wanted: number) => refuse(`(i32.ne ${value} (i32.const ${wanted}))`);

/**
 * The kernel as WebAssembly text: a module of one function, which calls nothing.
 *
 * Its parameters are those of `MlasConvOperation`: addresses of the parameters, input, filter, bias (0
 * for none), buffer and output, then the first output and how many. Returns 1 when all is done, and 0
 * when nothing is.
 */
export function depthwiseKernel(): string {
  const weights = range(Math.max(...sizes) ** 2);
  return `(module
    (import "engine" "memory" (memory 1))
    (func
      (param $p i32) (param $input i32) (param $filter i32) (param $bias i32) (param $buffer i32)
      (param $output i32) (param $start i32) (param $count i32) (result i32)
      (local $size i32) (local $stride i32) (local $height i32) (local $width i32)
      (local $inputHeight i32) (local $inputWidth i32) (local $top i32) (local $left i32)
      (local $half i32) (local $pitch i32) (local $line i32) (local $copied i32)
      (local $band i32) (local $y i32) (local $rows i32) (local $filled i32)
      (local $row i32) (local $from i32) (local $rest i32) (local $source i32) (local $target i32)
      (local $a i32) (local $b i32) (local $x i32) (local $at i32)
      (local $least v128) (local $most v128) (local $zero v128) (local $plus v128)
      (local $v v128) (local $u v128)
      ${range(tile)
        .map((row) => `(local $sum${row} v128)`)
        .join(' ')}
      ${weights.map((tap) => `(local $w${tap} v128)`).join(' ')}
      ${begin()}
      (loop $bands
        ;; The last band has at least as many rows as are computed at a time.
        (if (i32.gt_s (local.get $y) (i32.sub (local.get $height) (i32.const ${tile})))
          (then (local.set $y (i32.sub (local.get $height) (i32.const ${tile})))))
        (local.set $rows (i32.sub (local.get $height) (local.get $y)))
        (if (i32.gt_u (local.get $rows) (local.get $band)) (then (local.set $rows (local.get $band))))
        ${fill()}
        (block $computed
          ${sizes.flatMap((size) => strides.map((stride) => compute(size, stride))).join('')})
        (br_if $bands (i32.lt_u
          (local.tee $y (i32.add (local.get $y) (local.get $rows))) (local.get $height))))
      (i32.const 1)))`;
}

/** Refuses what the kernel does not take, and reads what it needs of the rest. */
function begin(): string {
  const isNone = sizes.map((size) => `(i32.ne (local.get $size) (i32.const ${size}))`);
  return `
    ${refuse('(local.get $start)')}
    ${refuse(`(i32.ne (local.get $count) ${load('outputSize')})`)}
    ${isNot(load('dimensions'), 2)}
    ${isNot(load('inputChannels'), 1)}
    ${isNot(load('filterCount'), 1)}
    ${isNot(load('dilationHeight'), 1)}
    ${isNot(load('dilationWidth'), 1)}
    ${refuse(load('beta'))}
    (local.set $size ${load('kernelHeight')})
    (local.set $stride ${load('strideHeight')})
    ${refuse(`(i32.ne ${load('kernelWidth')} (local.get $size))`)}
    ${refuse(`(i32.ne ${load('strideWidth')} (local.get $stride))`)}
    ${refuse(isNone.reduce((all, one) => `(i32.and ${all} ${one})`))}
    ${refuse(`(i32.gt_u (i32.sub (local.get $stride) (i32.const 1)) (i32.const ${strides.length - 1}))`)}
    (local.set $height ${load('outputHeight')})
    (local.set $width ${load('outputWidth')})
    ${refuse(`(i32.lt_u (local.get $height) (i32.const ${tile}))`)}
    ${refuse(`(i32.lt_u (local.get $width) (i32.const ${tile}))`)}
    ${refuse(`(i32.gt_u (local.get $width) (i32.const ${bufferBytes}))`)}
    (local.set $inputHeight ${load('inputHeight')})
    (local.set $inputWidth ${load('inputWidth')})
    (local.set $top ${load('paddingTop')})
    (local.set $left ${load('paddingLeft')})
    ;; Columns of a row with its padding, as far as they are needed; and how many come from the input.
    (local.set $copied ${add('(i32.mul (i32.sub (local.get $width) (i32.const 1)) (local.get $stride))', '(local.get $size)')})
    ${refuse('(i32.ge_u (local.get $left) (local.get $copied))')}
    ${refuse('(i32.gt_u (local.get $top) (i32.const 65535))')}
    ;; Bytes of such a row, and of its even columns.
    (local.set $half (i32.shl
      ${add('(local.get $width)', '(i32.shr_u (local.get $size) (i32.const 1))')} (i32.const 2)))
    (local.set $pitch (select
      (i32.shl (local.get $copied) (i32.const 2))
      (i32.shl (local.get $half) (i32.const 1))
      (i32.eq (local.get $stride) (i32.const 1))))
    (local.set $copied (i32.sub (local.get $copied) (local.get $left)))
    (if (i32.gt_u (local.get $copied) (local.get $inputWidth))
      (then (local.set $copied (local.get $inputWidth))))
    ;; Rows of outputs for which the buffer has room.
    (local.set $band (i32.div_u (i32.const ${bufferBytes}) (local.get $pitch)))
    ${refuse(`(i32.lt_u (local.get $band)
      (i32.add (local.get $size) (i32.mul (local.get $stride) (i32.const ${tile - 1}))))`)}
    (local.set $band (i32.and (i32.const ${-tile}) (i32.add (i32.const 1)
      (i32.div_u (i32.sub (local.get $band) (local.get $size)) (local.get $stride)))))
    ;; Without an activation, and a bias, what stands for them changes nothing.
    (local.set $least (v128.const f32x4 -inf -inf -inf -inf))
    (local.set $most (v128.const f32x4 inf inf inf inf))
    (local.set $zero (v128.const f32x4 -0 -0 -0 -0))
    (local.set $plus (v128.const f32x4 -0 -0 -0 -0))
    (local.set $b (i32.load offset=${activation.kind} (local.tee $a ${load('activation')})))
    (if (local.get $b) (then
      (if (i32.eq (local.get $b) (i32.const ${activation.relu}))
        (then
          (local.set $least (v128.const f32x4 0 0 0 0))
          (local.set $zero (v128.const f32x4 0 0 0 0)))
        (else
          ${isNot('(local.get $b)', activation.clip)}
          (local.set $least (v128.load32_splat offset=${activation.least} (local.get $a)))
          (local.set $most (v128.load32_splat offset=${activation.most} (local.get $a)))
          ;; Ends that are no numbers, and -0 at the upper one.
          ${refuse('(i32.eqz (i32x4.all_true (f32x4.le (local.get $least) (local.get $most))))')}
          ${refuse(`(i32.eq (i32.load offset=${activation.most} (local.get $a)) (i32.const 0x80000000))`)}
          (if (i32.eqz (i32.load offset=${activation.least} (local.get $a)))
            (then (local.set $zero (v128.const f32x4 0 0 0 0))))))))
    (if (local.get $bias) (then (local.set $plus (v128.load32_splat (local.get $bias)))))
    (local.set $line (i32.shl (local.get $width) (i32.const 2)))`;
}

/** Puts the rows that a band needs into the buffer. */
function fill(): string {
  const step = (name: string, bytes: number) =>
    `(local.set ${name} (i32.add (local.get ${name}) (i32.const ${bytes})))`;
  const less = (count: number) =>
    `(local.tee $rest (i32.sub (local.get $rest) (i32.const ${count})))`;
  const wholeRow = `
    (local.set $a ${add('(local.get $target)', '(i32.shl (local.get $left) (i32.const 2))')})
    (block $few
      (br_if $few (i32.lt_u (local.get $rest) (i32.const 4)))
      (loop $fours
        (v128.store align=4 (local.get $a) (v128.load align=4 (local.get $source)))
        ${step('$a', 16)}
        ${step('$source', 16)}
        (br_if $fours (i32.ge_u ${less(4)} (i32.const 4)))))
    (block $done
      (br_if $done (i32.eqz (local.get $rest)))
      (loop $ones
        (i32.store (local.get $a) (i32.load (local.get $source)))
        ${step('$a', 4)}
        ${step('$source', 4)}
        (br_if $ones ${less(1)})))`;
  const parted = `
    ;; The input's first column, which has the number $left here, goes to $a, its second one to $b.
    (local.set $a ${add('(local.get $target)', '(i32.and (i32.shl (local.get $left) (i32.const 1)) (i32.const -4))')})
    (local.set $b (i32.add (local.get $a) (local.get $half)))
    (if (i32.and (local.get $left) (i32.const 1)) (then
      (local.set $x (i32.add (local.get $a) (i32.const 4)))
      (local.set $a (local.get $b))
      (local.set $b (local.get $x))))
    (block $few
      (br_if $few (i32.lt_u (local.get $rest) (i32.const 8)))
      (loop $eights
        (local.set $v (v128.load align=4 (local.get $source)))
        (local.set $u (v128.load offset=16 align=4 (local.get $source)))
        (v128.store align=4 (local.get $a) (i8x16.shuffle
          0 1 2 3 8 9 10 11 16 17 18 19 24 25 26 27 (local.get $v) (local.get $u)))
        (v128.store align=4 (local.get $b) (i8x16.shuffle
          4 5 6 7 12 13 14 15 20 21 22 23 28 29 30 31 (local.get $v) (local.get $u)))
        ${step('$a', 16)}
        ${step('$b', 16)}
        ${step('$source', 32)}
        (br_if $eights (i32.ge_u ${less(8)} (i32.const 8)))))
    (block $done
      (br_if $done (i32.eqz (local.get $rest)))
      (loop $twos
        (i32.store (local.get $a) (i32.load (local.get $source)))
        (br_if $done (i32.eqz ${less(1)}))
        (i32.store (local.get $b) (i32.load offset=4 (local.get $source)))
        ${step('$a', 4)}
        ${step('$b', 4)}
        ${step('$source', 8)}
        (br_if $twos ${less(1)})))`;
  return `
    (local.set $filled ${add('(local.get $size)', '(i32.mul (i32.sub (local.get $rows) (i32.const 1)) (local.get $stride))')})
    (memory.fill (local.get $buffer) (i32.const 0) (i32.mul (local.get $filled) (local.get $pitch)))
    (local.set $target (local.get $buffer))
    ;; Rows above the input are past its end, taken without a sign.
    (local.set $from (i32.sub (i32.mul (local.get $y) (local.get $stride)) (local.get $top)))
    (local.set $row (i32.const 0))
    (loop $copy
      (if (i32.lt_u (local.get $from) (local.get $inputHeight)) (then
        (local.set $rest (local.get $copied))
        (local.set $source (i32.add (local.get $input)
          (i32.shl (i32.mul (local.get $from) (local.get $inputWidth)) (i32.const 2))))
        (if (i32.eq (local.get $stride) (i32.const 1))
          (then ${wholeRow})
          (else ${parted}))))
      (local.set $target (i32.add (local.get $target) (local.get $pitch)))
      ${step('$from', 1)}
      (br_if $copy (i32.lt_u
        (local.tee $row (i32.add (local.get $row) (i32.const 1))) (local.get $filled))))`;
}

/** Computes a band of outputs, where the filter has this size and stride, and leaves `$computed`. */
function compute(size: number, stride: number): string {
  const isParted = stride === 2;
  const taps = range(size * size);
  /** Where a row begins that is so many below the buffer's first. */
  const below = (rows: string) =>
    add(
      '(local.get $buffer)',
      `(i32.mul ${rows} (i32.mul (local.get $pitch) (i32.const ${stride})))`,
    );
  const startAt = (address: string) => `
    (local.set $at ${address})
    ${isParted ? '(local.set $b (i32.add (local.get $at) (local.get $half)))' : ''}`;
  const nextRow = ['$at', ...(isParted ? ['$b'] : [])]
    .map((name) => `(local.set ${name} (i32.add (local.get ${name}) (local.get $pitch)))`)
    .join('');
  const column = (x: number) =>
    isParted
      ? `(v128.load offset=${4 * (x >> 1)} align=4 (local.get ${x % 2 ? '$b' : '$at'}))`
      : `(v128.load offset=${4 * x} align=4 (local.get $at))`;
  const product = (tap: number, value: string) => `(f32x4.mul (local.get $w${tap}) ${value})`;

  const sums = range((tile - 1) * stride + size).map((y) =>
    range(size)
      .map((x) => {
        const uses = range(tile).filter((row) => y >= row * stride && y < row * stride + size);
        return [
          `(local.set $v ${column(x)})`,
          ...uses.map((row) => {
            const tap = (y - row * stride) * size + x;
            const term = product(tap, '(local.get $v)');
            return tap === 0
              ? `(local.set $sum${row} ${term})`
              : `(local.set $sum${row} (f32x4.add (local.get $sum${row}) ${term}))`;
          }),
        ].join('');
      })
      .join(''),
  );
  // As max() and min(), which take more instructions; adding +0 makes +0 of -0, as max() with it does.
  const results = range(tile).map(
    (row) => `
      (v128.store align=4 (local.get $x) (f32x4.pmin
        (f32x4.add
          (f32x4.pmax (f32x4.add (local.get $sum${row}) (local.get $plus)) (local.get $least))
          (local.get $zero))
        (local.get $most)))
      (local.set $x (i32.add (local.get $x) (local.get $line)))`,
  );
  // The first product, and then the sums of four at a time.
  const lastSum = taps.map((tap) => {
    const x = tap % size;
    const term = product(tap, column(x));
    const isFirst = tap % 4 === 1;
    return [
      tap > 0 && x === 0 ? nextRow : '',
      tap === 0
        ? `(local.set $sum0 ${term})`
        : `(local.set $v ${isFirst ? term : `(f32x4.add (local.get $v) ${term})`})`,
      tap > 0 && tap % 4 === 0
        ? '(local.set $sum0 (f32x4.add (local.get $sum0) (local.get $v)))'
        : '',
    ].join('');
  });
  return `
    (if (i32.and
      (i32.eq (local.get $size) (i32.const ${size}))
      (i32.eq (local.get $stride) (i32.const ${stride}))) (then
      ${taps.map((tap) => `(local.set $w${tap} (v128.load32_splat offset=${4 * tap} (local.get $filter)))`).join('')}
      (local.set $row (i32.const 0))
      (loop $down
        (local.set $a (i32.sub (local.get $rows) (i32.const ${tile})))
        (if (i32.lt_u (local.get $row) (local.get $a)) (then (local.set $a (local.get $row))))
        (local.set $source ${below('(local.get $a)')})
        (local.set $target ${add('(local.get $output)', '(i32.mul (i32.add (local.get $y) (local.get $a)) (local.get $line))')})
        (local.set $from (i32.const 0))
        (loop $across
          (local.set $a (i32.sub (local.get $line) (i32.const ${4 * tile})))
          (if (i32.lt_u (local.get $from) (local.get $a)) (then (local.set $a (local.get $from))))
          ${startAt('(i32.add (local.get $source) (local.get $a))')}
          ${sums.join(nextRow)}
          (local.set $x (i32.add (local.get $target) (local.get $a)))
          ${results.join('')}
          (br_if $across (i32.lt_u
            (local.tee $from (i32.add (local.get $from) (i32.const ${4 * tile}))) (local.get $line))))
        (br_if $down (i32.lt_u
          (local.tee $row (i32.add (local.get $row) (i32.const ${tile}))) (local.get $rows))))
      ;; The last one to three of all outputs, if they are no multiple of four.
      (br_if $computed (i32.lt_u (i32.add (local.get $y) (local.get $rows)) (local.get $height)))
      (br_if $computed (i32.eqz (local.tee $rest (i32.and (local.get $count) (i32.const 3)))))
      ${startAt(add(below('(i32.sub (local.get $rows) (i32.const 1))'), '(i32.sub (local.get $line) (i32.const 16))'))}
      ${lastSum.join('')}
      (local.set $x ${add('(local.get $output)', '(i32.shl (i32.sub (local.get $count) (i32.const 4)) (i32.const 2))')})
      (v128.store align=4 (local.get $x) (v128.bitselect
        (f32x4.pmin
          (f32x4.pmax (f32x4.add (local.get $sum0) (local.get $plus)) (local.get $least))
          (local.get $most))
        (v128.load align=4 (local.get $x))
        (i32x4.gt_s (i32x4.splat (local.get $rest)) (v128.const i32x4 3 2 1 0))))
      (br $computed)))`;
}
