'use client';

import { useEffect, useRef, useState } from 'react';
import { ImageClassifier } from 'tabserve';

/** Rendered on the server too, where tabserve is imported and does nothing. */
export function Answer({ src }) {
  const image = useRef(null);
  const [answer, setAnswer] = useState({ text: '' });

  useEffect(() => {
    const leaving = new AbortController();
    (async () => {
      const { signal } = leaving;
      const classifier = await ImageClassifier.create({ model: 'digits', signal });
      signal.addEventListener('abort', () => classifier.destroy());
      const [best] = await classifier.classify(image.current, { signal });
      setAnswer({ text: best.label, fallbacks: JSON.stringify(classifier.info.fallbacks) });
    })().catch((error) => {
      if (!leaving.signal.aborted) setAnswer({ text: String(error) });
    });
    return () => leaving.abort();
  }, []);

  return (
    <>
      {/* biome-ignore lint/performance/noImgElement: an example of plain usage */}
      <img ref={image} src={src} alt="A drawn digit" />
      <output data-fallbacks={answer.fallbacks}>{answer.text}</output>
    </>
  );
}
