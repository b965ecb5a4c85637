import { useEffect, useRef, useState } from 'react';
// The element; its types for JSX come with the hooks.
import 'tabserve/element';
import { useClassification, useClassifier, useWatch } from 'tabserve/react';

export function App() {
  const [shown, setShown] = useState(true);
  return (
    <>
      <button type="button" id="toggle" onClick={() => setShown(!shown)}>
        toggle
      </button>
      {shown && <Digit />}
      {shown && <Digit name="second" />}
      <Other />
      <Video />
      <img id="digit" src="/seven.png" alt="" />
      <tabserve-classifier for="digit" model="digits" top-k={1} />
    </>
  );
}

/** A picture and its answer. Two of them share one classifier. */
function Digit({ name = 'first' }: { name?: string }) {
  const image = useRef<HTMLImageElement>(null);
  const { classifier, status, progress, error } = useClassifier({ model: 'digits' });
  const [topK, setTopK] = useState(1);
  const found = useClassification(classifier, image, { topK });
  const failure = error ?? found.error;
  // Each state once, for the test to read.
  const seen = useRef<string[]>([]);
  if (seen.current.at(-1) !== status) seen.current.push(status);
  return (
    <figure id={name} data-states={seen.current.join()} data-progress={progress?.progress}>
      <img ref={image} src="/seven.png" alt="A drawn digit" />
      <button type="button" onClick={() => setTopK(3)}>
        more
      </button>
      <Answer
        isMain={name === 'first'}
        text={found.classifications.map(({ label }) => label).join() || String(failure ?? '')}
        fallbacks={classifier?.info.fallbacks ?? []}
      />
    </figure>
  );
}

function Answer(props: { isMain: boolean; text: string; fallbacks: readonly object[] }) {
  return props.isMain ? (
    <output data-fallbacks={JSON.stringify(props.fallbacks)}>{props.text}</output>
  ) : (
    <p>{props.text}</p>
  );
}

/** A model that is not there, and one that is when it is tried again. */
function Other() {
  const [model, setModel] = useState('nothing-of-this-name');
  const { status, error, retry } = useClassifier({ model });
  return (
    <section id="other" data-status={status}>
      <p>{error instanceof Error && 'code' in error ? String(error.code) : ''}</p>
      <button type="button" id="retry" onClick={retry}>
        retry
      </button>
      <button type="button" id="correct" onClick={() => setModel('digits')}>
        correct
      </button>
    </section>
  );
}

/** The seven as a film. */
function Video() {
  const video = useRef<HTMLVideoElement>(null);
  const { classifier } = useClassifier({ model: 'digits' });
  const { result } = useWatch(classifier, video, { topK: 1, maxFps: 4 });
  useEffect(() => {
    const canvas = document.createElement('canvas');
    canvas.width = canvas.height = 280;
    const picture = new Image();
    picture.src = '/seven.png';
    const timer = setInterval(() => {
      canvas.getContext('2d')?.drawImage(picture, 0, 0, 280, 280);
    }, 50);
    if (video.current) {
      video.current.srcObject = canvas.captureStream();
      video.current.play().catch(() => undefined);
    }
    return () => clearInterval(timer);
  }, []);
  return (
    <section id="video">
      <video ref={video} muted playsInline />
      <p>{result?.classifications[0]?.label}</p>
    </section>
  );
}
