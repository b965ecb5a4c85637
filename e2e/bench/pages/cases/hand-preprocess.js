/** Preprocessing as tutorials write it: the canvas scales, a loop normalises. */
export function toTensor(image, context) {
  const scale = 256 / Math.min(image.width, image.height);
  const width = image.width * scale;
  const height = image.height * scale;
  context.drawImage(image, (224 - width) / 2, (224 - height) / 2, width, height);
  const { data } = context.getImageData(0, 0, 224, 224);
  const plane = 224 * 224;
  const tensor = new Float32Array(3 * plane);
  for (let pixel = 0; pixel < plane; pixel++) {
    for (let channel = 0; channel < 3; channel++) {
      tensor[channel * plane + pixel] = (data[pixel * 4 + channel] - 128) / 128;
    }
  }
  return tensor;
}

/** The place of the greatest score. */
export function best(scores) {
  return scores.indexOf(Math.max(...scores));
}
