/** What is said of the embedded models; loaded by those who list them. */

/** An embedded model, as `ImageClassifier.models()` lists it. */
export interface CatalogEntry {
  /** What `create({ model })` takes. */
  name: string;
  title: string;
  description: string;
}

/** What `models/catalog.json` says of the embedded models; the build puts it in without the rest. */
declare const __TABSERVE_EMBEDDED__: readonly CatalogEntry[];

/** The embedded models, the default one first. */
export const catalogEntries: readonly CatalogEntry[] = __TABSERVE_EMBEDDED__;
