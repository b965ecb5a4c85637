// Photos of two megapixels and a short video, made from smaller photos by the browser itself.

const base64 = async (blob) => {
  const bytes = new Uint8Array(await blob.arrayBuffer());
  let text = '';
  for (let at = 0; at < bytes.length; at += 8192) {
    text += String.fromCharCode(...bytes.subarray(at, at + 8192));
  }
  return btoa(text);
};

async function load(url) {
  const response = await fetch(url);
  return createImageBitmap(await response.blob());
}

/** A JPEG of `width` × `height`, filled by the picture at `url`. */
window.makePhoto = async (url, width, height) => {
  const bitmap = await load(url);
  const canvas = new OffscreenCanvas(width, height);
  canvas.getContext('2d').drawImage(bitmap, 0, 0, width, height);
  return base64(await canvas.convertToBlob({ type: 'image/jpeg', quality: 0.9 }));
};

/** A WebM of `seconds`, 30 frames a second, that pans over the picture at `url`. */
window.makeVideo = async (url, width, height, seconds) => {
  const bitmap = await load(url);
  const canvas = document.createElement('canvas');
  canvas.width = width;
  canvas.height = height;
  const context = canvas.getContext('2d');
  const recorder = new MediaRecorder(canvas.captureStream(30), {
    mimeType: 'video/webm;codecs=vp8',
    videoBitsPerSecond: 2_000_000,
  });
  const chunks = [];
  recorder.ondataavailable = ({ data }) => chunks.push(data);
  const stopped = new Promise((resolve) => {
    recorder.onstop = resolve;
  });
  recorder.start();
  const began = performance.now();
  await new Promise((resolve) => {
    const draw = (now) => {
      const shift = 80 * Math.sin((now - began) / 500);
      context.drawImage(bitmap, shift - 80, -40, width + 160, height + 80);
      if (now - began < seconds * 1000) requestAnimationFrame(draw);
      else resolve();
    };
    requestAnimationFrame(draw);
  });
  recorder.stop();
  await stopped;
  return base64(new Blob(chunks, { type: 'video/webm' }));
};
