// From the network's picture to its tensor, by the tables of tensor.ts. Elements are moved as bits,
// so that none is rounded on the way.

struct Params {
  // 32-bit words of the tensor.
  words: u32,
  elements: u32,
  // Elements in a word: 1, 2 or 4.
  perWord: u32,
  channels: u32,
  // Of the tensor, in pixels.
  width: u32,
  plane: u32,
  // One channel after the other, rather than one pixel after the other.
  planar: u32,
  // Channels in the order BGR.
  reversed: u32,
  // Words that a row of workgroups writes.
  stride: u32,
  // Of the picture, in pixels. A smaller one lies top left, with zeros right and below.
  cropWidth: u32,
  cropHeight: u32,
}

// RGB, from the lowest byte.
@group(0) @binding(0) var<storage, read> crop: array<u32>;
// Per channel of the network, what each byte becomes.
@group(0) @binding(1) var<storage, read> tables: array<u32>;
@group(0) @binding(2) var<storage, read_write> tensor: array<u32>;
@group(0) @binding(3) var<uniform> params: Params;

fn element(index: u32) -> u32 {
  var channel = index % params.channels;
  var at = index / params.channels;
  if (params.planar == 1) {
    channel = index / params.plane;
    at = index % params.plane;
  }
  let x = at % params.width;
  let y = at / params.width;
  if (x >= params.cropWidth || y >= params.cropHeight) {
    return 0;
  }
  let pixel = crop[y * params.cropWidth + x];
  let byte = select(channel, 2 - channel, params.reversed == 1);
  return tables[channel * 256 + ((pixel >> (8 * byte)) & 255)];
}

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u) {
  let word = id.y * params.stride + id.x;
  if (word >= params.words) {
    return;
  }
  var bits = 0u;
  for (var i = 0u; i < params.perWord; i++) {
    let index = word * params.perWord + i;
    if (index < params.elements) {
      bits |= element(index) << (i * 32 / params.perWord);
    }
  }
  tensor[word] = bits;
}
