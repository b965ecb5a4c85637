/** Calls a worker that answers every message with one of the same `id`. */
export function rpc(url) {
  const worker = new Worker(url, { type: 'module' });
  const pending = new Map();
  let next = 1;
  worker.onmessage = ({ data }) => {
    pending.get(data.id).resolve(data);
    pending.delete(data.id);
  };
  worker.onerror = (event) => {
    for (const { reject } of pending.values()) reject(new Error(`worker: ${event.message}`));
  };
  return (message, transfer = []) =>
    new Promise((resolve, reject) => {
      const id = next++;
      pending.set(id, { resolve, reject });
      worker.postMessage({ ...message, id }, transfer);
    });
}
