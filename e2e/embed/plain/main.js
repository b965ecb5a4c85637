import { ImageClassifier } from 'tabserve';

const image = document.querySelector('img');
const output = document.querySelector('output');

try {
  const classifier = await ImageClassifier.create({ model: 'digits' });
  const [best] = await classifier.classify(image);
  output.textContent = best.label;
  // For the test: where the files came from.
  output.dataset.fallbacks = JSON.stringify(classifier.info.fallbacks);
} catch (error) {
  output.textContent = String(error);
}
