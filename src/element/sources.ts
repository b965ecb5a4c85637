/** Where `<tabserve-classifier>` gets pictures from besides the page: files, the clipboard, the camera. */
import { TabserveError } from '../base/errors.js';
import type { Status } from './view.js';

/** The picture of a drop or a paste, `undefined` where there is none. */
export function pictureOf(transfer: DataTransfer | null): File | undefined {
  return [...(transfer?.files ?? [])].find(({ type }) => type.startsWith('image/'));
}

/** Whether somebody is writing there, whose paste is text. */
export function isWriting(event: Event): boolean {
  const [target] = event.composedPath();
  return (
    target instanceof HTMLElement &&
    (target.isContentEditable || /^(input|textarea|select)$/.test(target.localName))
  );
}

/** What the browser's refusals of a camera are called. */
const refusals: Readonly<Record<string, Status>> = {
  NotAllowedError: 'cameraRefused',
  NotFoundError: 'cameraMissing',
  OverconstrainedError: 'cameraMissing',
  NotReadableError: 'cameraBusy',
  AbortError: 'cameraBusy',
};

/** What a failure of {@link startCamera} is called. */
export function statusOfCamera(error: unknown): Status {
  const { cause } = error as { cause?: { name?: string } };
  return refusals[cause?.name ?? ''] ?? 'cameraUnavailable';
}

/** Switches the camera off. */
export function leaveCamera(stream: MediaStream, video: HTMLVideoElement): void {
  for (const track of stream.getTracks()) track.stop();
  if (video.srcObject === stream) video.srcObject = null;
}

/**
 * Starts the camera, the one that looks away from the user where there are several.
 *
 * @param signal - Gives it up.
 * @returns What plays; `undefined` where it was given up.
 * @throws TabserveError `unsupported` where the page may not use one, `image-not-ready` where the user refuses
 *   it, or it is missing or busy; its `cause` is the browser's error.
 */
export async function startCamera(
  video: HTMLVideoElement,
  signal: AbortSignal,
): Promise<MediaStream | undefined> {
  // Absent where the page is not secure.
  const devices = navigator.mediaDevices as MediaDevices | undefined;
  if (!devices?.getUserMedia) {
    throw new TabserveError(
      'unsupported',
      'This page may not use a camera: it has to come from https or localhost, and its frame has to allow it (allow="camera").',
    );
  }
  let stream: MediaStream | undefined;
  try {
    stream = await devices.getUserMedia({ video: { facingMode: 'environment' } });
    if (!signal.aborted) {
      video.srcObject = stream;
      await video.play();
    }
    if (!signal.aborted) return stream;
    leaveCamera(stream, video);
    return undefined;
  } catch (cause) {
    if (stream) leaveCamera(stream, video);
    const { name = '', message = '' } = cause as { name?: string; message?: string };
    throw new TabserveError('image-not-ready', `The camera did not start: ${name} ${message}.`, {
      cause,
      details: { reason: name },
    });
  }
}
