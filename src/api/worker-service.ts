/** What entries of tabserve beside the main one need of its inside: services in workers, and models by name. */
import { TabserveError } from '../base/errors.js';
import { WorkerLease } from '../serving/worker-host.js';
import { type AssetOptions, modelMirrors } from '../wire/assets.js';
import type { LoadRequest, PackName } from '../wire/protocol.js';
import {
  assetOptions,
  defaultStallTimeout,
  embeddedNames,
  hubOf,
  toModelRequest,
} from './options.js';
import type { CreateOptions } from './types.js';

/** Options of {@link ServiceLink.open}. */
export interface ServiceLinkOptions extends AssetOptions {
  service: string;
  /** The pack that brings the service. */
  pack: PackName;
  /** Threads of the engine, where the service asks for one. Those who ask for the same share a worker. */
  threads: number;
  /** What is said of a worker that has died. */
  ended?: string;
}

/** A share in a worker that has a service. Ends with {@link close}. */
export class ServiceLink {
  readonly #service: string;
  readonly #lease: WorkerLease;
  #end: TabserveError | undefined;

  private constructor({
    service,
    pack,
    threads,
    ended = 'The worker died, and with it what it held. Begin anew.',
    ...options
  }: ServiceLinkOptions) {
    this.#service = service;
    const assets = assetOptions(options);
    const flavour = 'wasm';
    this.#lease = WorkerLease.take({ device: 'wasm', flavour, threads, assets, packs: [pack] });
    this.#lease.onDeath = (cause) => {
      this.#end ??= new TabserveError('worker-crashed', ended, { cause });
      // Another worker would have nothing of it: a share in that one would only keep it alive.
      this.#lease.release();
    };
  }

  static open(options: ServiceLinkOptions): ServiceLink {
    return new ServiceLink(options);
  }

  /** @throws TabserveError what the service says; `worker-crashed`, `worker-blocked`, `destroyed`. */
  async ask(request: object): Promise<unknown> {
    if (this.#end) throw this.#end;
    const worker = await this.#lease.connect();
    return worker.call('ask', { service: this.#service, request });
  }

  /** Gives the share up. Calling it again does nothing. */
  close(message = 'It was destroyed. Create another one.'): void {
    this.#end = new TabserveError('destroyed', message);
    this.#lease.release();
  }
}

/** What a worker is asked with to load, or to read, what `options` name. */
function loadRequestOf(options: Omit<CreateOptions, 'signal' | 'monitor'>): LoadRequest {
  const assets = assetOptions(options);
  const model = toModelRequest(options.model, assets);
  return {
    requestId: 0,
    model,
    task: null,
    dtype: options.dtype ?? 'auto',
    settings: {},
    mirrors: model.kind === 'name' ? modelMirrors(model.name, model.fileUrls, assets) : {},
    hubUrl: hubOf(options.hubUrl),
    stallTimeout: options.stallTimeout ?? defaultStallTimeout,
    local: false,
  };
}

/**
 * For tabserve's own entries, such as `tabserve/learn`, which are loaded beside this one. Not for pages: it
 * changes without notice.
 *
 * @internal
 */
export const internals = {
  openService: ServiceLink.open,
  loadRequestOf,
  embeddedNames,
} as const;
