/**
 * What the snippets of the documentation take from the page around them, so that they can be compiled
 * (src/build/docs.test.ts). A name that a snippet declares itself hides the one here.
 */
declare const AudioClassifier: typeof import('tabserve').AudioClassifier;
declare const ImageClassifier: typeof import('tabserve').ImageClassifier;
declare const ImageEmbedder: typeof import('tabserve').ImageEmbedder;
declare const ImageSegmenter: typeof import('tabserve').ImageSegmenter;
declare const ModelServer: typeof import('tabserve/server').ModelServer;
declare const ObjectDetector: typeof import('tabserve').ObjectDetector;
declare const TextClassifier: typeof import('tabserve').TextClassifier;
declare const explain: typeof import('tabserve/explain').explain;

/** A classifier that is there. */
declare const classifier: import('tabserve').ImageClassifier;
declare const server: import('tabserve/server').ModelServer;
/** A model of tables, or the name of a model. */
declare const model: import('tabserve').TabularModel & string;

declare const file: File;
declare const files: FileList;
declare const text: string;
declare const cupFiles: FileList;
declare const plateFiles: FileList;
declare const oneFile: File;
declare const anotherFile: File;
declare const image: HTMLImageElement;
declare const photo: HTMLImageElement;
declare const video: HTMLVideoElement;
declare const a: File;
declare const b: File;
declare const c: File;
declare const crop: import('tabserve').PixelRect;
declare const allow: string[];
declare const deny: string[];
declare const signal: AbortSignal;
declare const timeout: number;

declare const audioBuffer: AudioBuffer;
declare const samples: Float32Array;
declare const mediaStream: MediaStream;
declare const rows: import('tabserve').TableRow[];
declare const truth: string[];

declare const bar: HTMLProgressElement;
declare const context: CanvasRenderingContext2D;
declare const width: number;
declare const height: number;
declare const frame: { contentWindow: Window };
declare function show(...what: unknown[]): void;
declare function draw(label: string, box: import('tabserve').Box): void;
declare function token(): string;
declare const load: import('tabserve/server').ModelLoader;
