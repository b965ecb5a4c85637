/**
 * Random tests try the same cases at each run, so that a commit passes or fails by what it changes.
 * `TABSERVE_SEED=random` tries others, `TABSERVE_SEED=<number>` those of a run that failed.
 */
import fc from 'fast-check';

const { TABSERVE_SEED: given } = process.env;

if (given !== 'random') fc.configureGlobal({ seed: Number(given ?? 1) });
