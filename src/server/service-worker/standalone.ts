/** A service worker that does nothing but pass requests to the model server: `dist/model-server-sw.js`. */
import { type FetchEventLike, respond } from './respond.js';

const scope = globalThis as unknown as EventTarget & {
  skipWaiting(): Promise<void>;
  clients: { claim(): Promise<void> };
};

scope.addEventListener('install', () => void scope.skipWaiting());
scope.addEventListener('activate', (event) =>
  (event as Event & { waitUntil(promise: Promise<void>): void }).waitUntil(scope.clients.claim()),
);
scope.addEventListener('fetch', (event) => void respond(event as Event & FetchEventLike));
