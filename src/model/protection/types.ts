/** Model packages that are encrypted or signed: what is said about it, and to whom. */

/** `encryption` of `model.json`: how its files are encrypted. */
export interface ManifestEncryption {
  algorithm: 'AES-GCM';
  /** Which key it takes, for whoever has several. */
  keyId: string;
  /** The moment after which it is not opened any more, as `2027-01-31T00:00:00Z`. @default never */
  expires?: string | undefined;
}

/** What a page is asked for a key with. */
export interface KeyQuestion {
  /** The model's name and version, as its `model.json` gives them. */
  model: string;
  version: string;
  keyId: string;
  /** The moment after which the package is not opened any more; absent for never. */
  expires?: string;
}

/** What is asked of the worker's pack for protected packages. */
export type ProtectionRequest =
  | {
      kind: 'decrypt';
      bytes: Uint8Array<ArrayBuffer>;
      about: FileIdentity;
      key: CryptoKey;
    }
  | {
      kind: 'verify';
      /** `model.json` as it came; `undefined` for a model without one. */
      value: unknown;
      /** The manifest in use, where it was kept from an earlier load. */
      kept: object | null;
      keys: readonly string[];
      where: string;
    };

/** What a file is encrypted as: it opens as nothing else. */
export interface FileIdentity {
  model: string;
  version: string;
  /** As the manifest gives it. */
  url: string;
  encryption: ManifestEncryption;
}

/** The worker's part of protection, where it has the pack. */
export type Protection = (request: ProtectionRequest) => Promise<Uint8Array<ArrayBuffer> | null>;
