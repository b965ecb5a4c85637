/** Parts of tabserve's script that are loaded when they are needed. */
import { asTabserveError, messageOf } from './errors.js';

/**
 * @param module - What `import()` gives.
 * @throws TabserveError `network` where it cannot be loaded.
 */
export async function part<Module>(module: Promise<Module>): Promise<Module> {
  try {
    return await module;
  } catch (cause) {
    const message = `A part of tabserve's script could not be loaded: ${messageOf(cause)} Serve all of its files.`;
    throw asTabserveError(cause, 'network', message);
  }
}
