// The first pass of resampling, with what happens to a pixel before it: alpha and grey.
//
// The arithmetic is that of passes.wat, taps.ts and pixels.ts, to the bit: sums of byte × weight in
// 32 bits, which may wrap on the way, half added, shifted, clamped.

struct Params {
  // Columns of the result.
  outputs: u32,
  // Rows in the texture.
  rows: u32,
  // Where the first of them goes.
  firstRow: u32,
  // 0: opaque, 1: straight, 2: premultiplied.
  alpha: u32,
  grey: u32,
  // RGB, from the lowest byte.
  background: u32,
}

@group(0) @binding(0) var picture: texture_2d<f32>;
// Per output: first pixel, then number of taps, then one plane after the other the weights.
@group(0) @binding(1) var<storage, read> taps: array<i32>;
// By alpha · 256 + premultiplied value, in bytes: the value as a canvas gives it back.
@group(0) @binding(2) var<storage, read> straight: array<u32>;
// RGB, from the lowest byte.
@group(0) @binding(3) var<storage, read_write> narrow: array<u32>;
@group(0) @binding(4) var<uniform> params: Params;

fn unpremultiplied(value: u32, alpha: u32) -> u32 {
  let at = alpha * 256 + value;
  return (straight[at / 4] >> (at % 4 * 8)) & 255;
}

fn pixel(x: i32, y: i32) -> vec3i {
  // Bytes come as fractions of 255.
  let bytes = vec4u(textureLoad(picture, vec2i(x, y), 0) * 255 + 0.5);
  var colour = bytes.rgb;
  if (params.alpha != 0 && bytes.a < 255) {
    if (params.alpha == 2) {
      colour = vec3u(
        unpremultiplied(colour.r, bytes.a),
        unpremultiplied(colour.g, bytes.a),
        unpremultiplied(colour.b, bytes.a),
      );
    }
    let under = vec3u(params.background, params.background >> 8, params.background >> 16) & vec3u(255);
    let sum = colour * bytes.a + under * (255 - bytes.a) + 128;
    colour = ((sum >> vec3u(8)) + sum) >> vec3u(8);
  }
  if (params.grey == 1) {
    colour = vec3u((colour.r * 19595 + colour.g * 38470 + colour.b * 7471 + 0x8000) >> 16);
  }
  return vec3i(colour);
}

@compute @workgroup_size(8, 8)
fn main(@builtin(global_invocation_id) id: vec3u) {
  if (id.x >= params.outputs || id.y >= params.rows) {
    return;
  }
  let first = taps[id.x];
  let count = taps[params.outputs + id.x];
  var weight = 2 * params.outputs + id.x;
  var sum = vec3i(0x200000);
  for (var t = 0; t < count; t++) {
    sum += taps[weight] * pixel(first + t, i32(id.y));
    weight += params.outputs;
  }
  let bytes = vec3u(clamp(sum >> vec3u(22), vec3i(0), vec3i(255)));
  narrow[(params.firstRow + id.y) * params.outputs + id.x] = bytes.r | (bytes.g << 8) | (bytes.b << 16);
}
