/** Keeps the page at hand without a network, and offers its new versions. */
import './update.css';
import { t } from '../language.js';

/** Registers the service worker, where there can be one: not in the single file on a disk. */
export function keepOffline(): void {
  const { serviceWorker } = navigator as { serviceWorker?: ServiceWorkerContainer };
  if (!serviceWorker || !location.protocol.startsWith('http')) return;
  // After the page's own files, with which it would compete.
  addEventListener('load', () => {
    serviceWorker.register('sw.js').then(
      (registration) => followUpdates(registration, serviceWorker),
      // Without it the page works as before, only not offline (a private window, a strict setting).
      () => undefined,
    );
  });
}

function followUpdates(
  registration: ServiceWorkerRegistration,
  serviceWorker: ServiceWorkerContainer,
): void {
  const look = () => {
    // The first version is none that could be offered.
    if (registration.waiting && serviceWorker.controller)
      offer(registration.waiting, serviceWorker);
  };
  registration.addEventListener('updatefound', () => {
    registration.installing?.addEventListener('statechange', look);
  });
  look();
}

function offer(waiting: ServiceWorker, serviceWorker: ServiceWorkerContainer): void {
  if (document.querySelector('.update')) return;
  const bar = document.createElement('div');
  bar.className = 'update';
  bar.setAttribute('role', 'status');
  const text = document.createElement('span');
  text.textContent = t('There is a new version of this page.');
  const use = document.createElement('button');
  use.type = 'button';
  use.textContent = t('Reload');
  use.addEventListener('click', () => {
    serviceWorker.addEventListener('controllerchange', () => location.reload(), { once: true });
    waiting.postMessage('tabserve:use-new-version');
  });
  const later = document.createElement('button');
  later.type = 'button';
  later.textContent = t('Later');
  later.addEventListener('click', () => bar.remove());
  bar.append(text, use, later);
  document.body.append(bar);
}
