import { ImageClassifier } from 'tabserve';

const output = document.querySelector('output');

async function classify(image) {
  const classifier = await ImageClassifier.create({ model: 'digits' });
  const [best] = await classifier.classify(image);
  output.textContent = best.label;
  // For the test: where the files came from.
  output.dataset.fallbacks = JSON.stringify(classifier.info.fallbacks);
}

classify(document.querySelector('img')).catch((error) => {
  output.textContent = String(error);
});
