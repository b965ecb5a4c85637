// What every browser has to be able to do, without a driver's help: load, classify, answer.
// ?model=…&images=…,… asks a model about pictures; without them, the digit model about a drawing.
const drawing = 'M8.8 7.6c3.3-.5 6.4-.6 10-.5-2.4 4.4-4.4 9.1-6 14.6M10.4 14c2.3-.4 4.4-.5 6.7-.4';

async function draw() {
  const canvas = document.createElement('canvas');
  canvas.width = canvas.height = 280;
  const context = canvas.getContext('2d');
  context.fillRect(0, 0, 280, 280);
  context.scale(10, 10);
  Object.assign(context, { strokeStyle: '#fff', lineWidth: 2, lineCap: 'round' });
  context.stroke(new Path2D(drawing));
  const png = await new Promise((resolve) => canvas.toBlob(resolve));
  return [canvas, png];
}

async function classify() {
  const query = new URLSearchParams(location.search);
  const images = query.get('images')?.split(',') ?? (await draw());
  const classifier = await tabserve.ImageClassifier.create({
    model: query.get('model') ?? 'digits',
  });
  const { device, threads } = classifier.info;
  const hasSharedMemory = typeof SharedArrayBuffer === 'function';
  const answers = await classifier.classify(images, { topK: 1 });
  classifier.destroy();
  return {
    best: answers.map(([{ label, index }]) => ({ label, index })),
    device,
    threads,
    hasSharedMemory,
  };
}

classify().then(
  (outcome) => {
    window.outcome = JSON.stringify(outcome);
  },
  (error) => {
    window.outcome = JSON.stringify({ error: String(error) });
  },
);
