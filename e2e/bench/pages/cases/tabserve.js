import { ImageClassifier } from '/dist/index.js';

export async function start({
  model = '/material/mobilenet/model.json',
  dtype = 'fp32',
  device = 'wasm',
  threads = 'auto',
  preprocessing = 'auto',
}) {
  const classifier = await ImageClassifier.create({
    // A path, or the name of an embedded model.
    model: model.startsWith('/') ? new URL(model, location.href) : model,
    device,
    dtype,
    threads,
    preprocessing,
  });
  const reports = [];
  const preprocessedOn = { cpu: 0, gpu: 0 };
  classifier.addEventListener('request', ({ detail }) => {
    reports.push(detail.timings);
    preprocessedOn[detail.preprocessing.device] += 1;
  });
  return {
    classify: async (blob) => {
      const [best] = await classifier.classify(blob);
      return { label: best.label };
    },
    classifyAll: (blobs) => classifier.classify(blobs),
    async watch(video, onResult, goOn) {
      for await (const { mediaTime } of classifier.watch(video)) {
        onResult(mediaTime);
        if (!goOn()) break;
      }
    },
    /** Means of the stages, and what the load was made of. */
    detail() {
      const stages = Object.keys(reports[0] ?? {});
      const mean = (stage) => reports.reduce((sum, each) => sum + each[stage], 0) / reports.length;
      const { device, dtype, threads, load, adapter } = classifier.info;
      return {
        stages: Object.fromEntries(stages.map((stage) => [stage, mean(stage)])),
        info: { device, dtype, threads, load, adapter },
        preprocessedOn,
      };
    },
  };
}
