import type {} from 'tabserve/react';

export const right = <tabserve-classifier for="photo" top-k={3} lazy className="answers" />;
// @ts-expect-error: no such attribute
export const wrong = <tabserve-classifier fro="photo" />;
