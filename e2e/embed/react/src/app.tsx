import { useEffect, useRef, useState } from 'react';
import { type Classification, type Fallback, ImageClassifier } from 'tabserve';
// The element, with its types for JSX.
import 'tabserve/element';
import type {} from 'tabserve/react';

export function App() {
  const image = useRef<HTMLImageElement>(null);
  const [answer, setAnswer] = useState<Classification>();
  const [fallbacks, setFallbacks] = useState<readonly Fallback[]>([]);
  const [failure, setFailure] = useState('');

  useEffect(() => {
    // In development, React runs effects twice: the first run is aborted and costs nothing.
    const leaving = new AbortController();
    const { signal } = leaving;
    const run = async () => {
      const classifier = await ImageClassifier.create({ model: 'digits', signal });
      signal.addEventListener('abort', () => classifier.destroy());
      if (!image.current) return;
      const [best] = await classifier.classify(image.current, { signal });
      setFallbacks(classifier.info.fallbacks);
      setAnswer(best);
    };
    run().catch((error: unknown) => {
      if (!signal.aborted) setFailure(String(error));
    });
    return () => leaving.abort();
  }, []);

  return (
    <>
      <img id="digit" ref={image} src="/seven.png" alt="A drawn digit" />
      <output data-fallbacks={JSON.stringify(fallbacks)}>{answer?.label ?? failure}</output>
      <tabserve-classifier for="digit" model="digits" top-k={1} />
    </>
  );
}
