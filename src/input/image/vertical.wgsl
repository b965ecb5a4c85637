// The second pass of resampling, into its place on the network's picture; around it the border.

struct Params {
  // Of the network's picture.
  width: u32,
  height: u32,
  // The part of it that is computed.
  x: u32,
  y: u32,
  columns: u32,
  rows: u32,
  // RGB, from the lowest byte.
  border: u32,
}

@group(0) @binding(0) var<storage, read> narrow: array<u32>;
// As for the first pass.
@group(0) @binding(1) var<storage, read> taps: array<i32>;
// RGB, from the lowest byte.
@group(0) @binding(2) var<storage, read_write> crop: array<u32>;
@group(0) @binding(3) var<uniform> params: Params;

@compute @workgroup_size(8, 8)
fn main(@builtin(global_invocation_id) id: vec3u) {
  if (id.x >= params.width || id.y >= params.height) {
    return;
  }
  let at = id.y * params.width + id.x;
  // Left of the window and above it the difference wraps, and is large.
  let column = id.x - params.x;
  let row = id.y - params.y;
  if (column >= params.columns || row >= params.rows) {
    crop[at] = params.border;
    return;
  }
  let first = u32(taps[row]);
  let count = u32(taps[params.rows + row]);
  var sum = vec3i(0x200000);
  for (var t = 0u; t < count; t++) {
    let packed = narrow[(first + t) * params.columns + column];
    let bytes = vec3i(vec3u(packed, packed >> 8, packed >> 16) & vec3u(255));
    sum += taps[(2 + t) * params.rows + row] * bytes;
  }
  let bytes = vec3u(clamp(sum >> vec3u(22), vec3i(0), vec3i(255)));
  crop[at] = bytes.r | (bytes.g << 8) | (bytes.b << 16);
}
